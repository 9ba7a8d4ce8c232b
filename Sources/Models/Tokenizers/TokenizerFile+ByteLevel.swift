import Basics

/// How a file says that text falls into words.
struct WordSplitting {
  var preTokenizer = PreTokenizer.none
  /// Whether the words are bytes in ``ByteAlphabet``.
  var isByteLevel = false
  /// Whether a space is put before a text that does not begin with one.
  var prefixesSpace = false
}

/// The rule by which offsets leave out the spaces at the ends of a token.
struct OffsetTrimming {
  /// Whether the first token of a text keeps one leading space.
  var keepsPrefixSpace: Bool

  /// The scalars of a token without its outer spaces.
  ///
  /// - SeeAlso: `process_offsets` in `tokenizers/src/pre_tokenizers/byte_level.rs`.
  func callAsFunction(
    _ scalars: Range<Int>, _ bytes: ArraySlice<UInt8>, isFirst: Bool
  ) -> Range<Int> {
    var leading = bytes.prefix { $0 == 0x20 }.count
    let trailing = bytes.reversed().prefix { $0 == 0x20 }.count
    if keepsPrefixSpace, leading > 0, isFirst || scalars.lowerBound == 0 { leading -= 1 }
    let lower = min(scalars.lowerBound + leading, scalars.upperBound)
    guard scalars.upperBound >= trailing else { return lower..<scalars.upperBound }
    return lower..<max(scalars.upperBound - trailing, lower)
  }
}

extension TokenizerFile {
  /// The member `pre_tokenizer`.
  static func wordSplitting(_ object: JSONObject?, at place: Place) throws -> WordSplitting {
    guard let object else { return WordSplitting() }
    let type = try object.string("type", at: place)
    if type == "BertPreTokenizer" { return WordSplitting(preTokenizer: .bert) }
    var rules: [WordSplitter] = []
    var splitting = WordSplitting()
    let steps =
      type == "Sequence"
      ? try object.objects("pretokenizers", at: place).enumerated().map {
        ($1, place.inside("pretokenizers").inside(String($0)))
      } : [(object, place)]
    for (step, place) in steps {
      guard !splitting.isByteLevel else {
        throw InputError(
          "\(quoted(place)): a step after 'ByteLevel' is not supported", at: place)
      }
      switch try step.string("type", at: place) {
      case "Digits":
        let individually = try step.optionalBool("individual_digits", at: place) ?? false
        rules.append(.digits(individually: individually))
      case "Split": rules.append(try splitRule(step, at: place))
      case "ByteLevel":
        splitting.isByteLevel = true
        splitting.prefixesSpace = try step.optionalBool("add_prefix_space", at: place) ?? true
        // Each word of a rule before would get a space of its own.
        guard rules.isEmpty || !splitting.prefixesSpace else {
          throw InputError(
            "\(quoted(place)): 'add_prefix_space' after another step is not supported", at: place)
        }
        if try step.optionalBool("use_regex", at: place) ?? true { rules.append(.gpt2) }
      case let other:
        throw unsupported(
          other, "BertPreTokenizer, ByteLevel, and before that Digits, Split, in a Sequence",
          at: place)
      }
    }
    guard splitting.isByteLevel else {
      throw InputError("\(quoted(place)): expected 'ByteLevel' as the last step", at: place)
    }
    splitting.preTokenizer = rules.isEmpty ? .none : .splits(rules)
    return splitting
  }

  /// `Split` with one of the expressions that are known here.
  private static func splitRule(_ step: JSONObject, at place: Place) throws -> WordSplitter {
    let inner = place.inside("pattern")
    let expression = try step.object("pattern", at: place).string("Regex", at: inner)
    let known: [(String, WordSplitter)] =
      [(WordSplitter.gpt2Expression, .gpt2)]
      + [1, 3].map { (WordSplitter.cl100kExpression(digits: $0), .cl100k(digits: $0)) }
    guard let rule = known.first(where: { UTF8Key($0.0) == UTF8Key(expression) })?.1 else {
      throw InputError(
        "\(quoted(inner)): the expression '\(TerminalText.excerpt(expression))' is not supported,"
          + " only those of GPT-2, Llama 3 and Qwen 2", at: place)
    }
    let behavior = try step.string("behavior", at: place)
    guard behavior == "Isolated", try !(step.optionalBool("invert", at: place) ?? false) else {
      throw InputError(
        "\(quoted(place)): expected the behavior 'Isolated', not inverted, found"
          + " '\(TerminalText.excerpt(behavior))'", at: place)
    }
    return rule
  }

  /// Byte pair encoding over bytes.
  static func byteLevelModel(
    _ object: JSONObject, _ vocabulary: Vocabulary, _ added: [AddedToken], at place: Place
  ) throws -> any TokenModel {
    guard try !(object.optionalBool("byte_fallback", at: place) ?? false) else {
      throw InputError(
        "\(quoted(place.inside("byte_fallback"))): not supported with 'ByteLevel'", at: place)
    }
    if let unknown = try object.optionalString("unk_token", at: place) {
      _ = try id(of: unknown, vocabulary, at: place.inside("unk_token"))
      // With every byte in the vocabulary nothing is unknown.
      for (byte, token) in ByteAlphabet.utf8.enumerated()
      where token.withUnsafeBufferPointer({ vocabulary.plainID(of: $0) }) == nil {
        throw InputError(
          "\(quoted(place.inside("unk_token"))): not supported with 'ByteLevel' where the"
            + " vocabulary lacks a byte, here \(byte)", at: place)
      }
    }
    return ByteLevelModel(
      vocabulary: vocabulary,
      merges: try merges(
        object.array("merges", at: place), vocabulary, reserved: Set(added.map(\.id)),
        at: place.inside("merges")),
      keepsWholeWords: try object.optionalBool("ignore_merges", at: place) ?? false)
  }

  /// The decoder of a byte-level vocabulary.
  static func decoder(of vocabulary: Vocabulary, special: Set<Int>) -> TokenDecoder {
    TokenDecoder(
      tokens: (0..<vocabulary.count).lazy.map { ByteAlphabet.bytes(of: vocabulary.utf8($0)) },
      isSpecial: (0..<vocabulary.count).map { special.contains($0) })
  }
}
