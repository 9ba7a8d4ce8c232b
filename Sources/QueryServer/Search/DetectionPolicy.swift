/// What happens to passages that a detector flags.
public enum DetectionPolicy: String, CaseIterable, Sendable {
  /// They are marked and stay where they are.
  case annotate
  /// They are ranked behind all passages of the list that are not flagged.
  case demote
  /// They are taken out, named apart, and later passages fill their places.
  case quarantine
}
