/// How title and text of a passage become the input of an encoder.
public enum PassageForm: String, Sendable, CaseIterable {
  /// One segment: title, the corpus' separator, text; the text alone if the title is empty.
  case joined
  /// Two segments, title and text, as MedCPT is trained.
  case pair
  /// One segment: title, the tokenizer's separator token, text, as SPECTER is trained; the text
  /// alone if the title is empty.
  case separated
}
