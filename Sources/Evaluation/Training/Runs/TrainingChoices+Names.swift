public import Basics
import Training

extension TrainingChoices {
  /// The names of the choices, which are those of the flags of `ragbench train`.
  public static let names = [
    "optimizer", "learning-rate", "weight-decay", "schedule", "warmup", "epochs", "batch-size",
    "clip-norm", "held-out", "patience", "keep-last", "checkpoint-every", "max-tokens",
    "examples-at-once",
    "recompute", "train-layers", "canaries", "dp", "filter", "insecure-noise",
  ]

  /// Sets a choice by its name.
  ///
  /// - Parameters:
  ///   - name: One of ``names``.
  ///   - table: Holds the value under that name.
  ///   - place: Where it stands, for messages.
  /// - Throws: `InputError` for an unknown name or a value of another kind. Ranges are for ``check()``.
  public mutating func set(_ name: String, from table: JSONObject, at place: Place) throws {
    func named<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) throws -> Value
    where Value.RawValue == String {
      let text = try table.string(name, at: place)
      guard let value = Value(rawValue: text) else {
        let known = Value.allCases.map(\.rawValue)
        throw InputError(
          "'\(name)' is '\(TerminalText.excerpt(text))', expected \(known.joined(separator: ", "))",
          at: place)
      }
      return value
    }
    switch name {
    case "optimizer": optimizer = try named(OptimizerName.self)
    case "learning-rate": learningRate = try table.double(name, at: place)
    case "weight-decay": weightDecay = try table.double(name, at: place)
    case "schedule": schedule = try named(Schedule.Shape.self)
    case "warmup": warmup = try table.double(name, at: place)
    case "epochs": epochs = try table.int(name, at: place)
    case "batch-size": batchSize = try table.int(name, at: place)
    case "clip-norm":
      let norm = try table.double(name, at: place)
      clipNorm = norm == 0 ? nil : norm
    case "held-out": heldOut = try table.double(name, at: place)
    case "patience": patience = try table.int(name, at: place)
    case "keep-last": keepsLast = try table.bool(name, at: place)
    case "checkpoint-every": checkpointEvery = try table.int(name, at: place)
    case "max-tokens": maximumTokens = try table.int(name, at: place)
    case "examples-at-once": examplesAtOnce = try table.int(name, at: place)
    case "train-layers": trainedLayers = try table.int(name, at: place)
    case "canaries": canaries = try table.int(name, at: place)
    case "dp", "filter", "insecure-noise": try setPrivacy(name, from: table, at: place)
    case "recompute": checkpointsLayers = try table.bool(name, at: place)
    default:
      throw InputError(
        "unknown choice '\(TerminalText.excerpt(name))'"
          + NearestName.hint(for: name, in: Self.names),
        at: place)
    }
  }

  /// `filter` and `insecure-noise` come after `dp`.
  private mutating func setPrivacy(_ name: String, from table: JSONObject, at place: Place) throws {
    do {
      if name == "dp" {
        let (filter, isInsecure) = (privacy?.filter, privacy?.isInsecure)
        privacy = try PrivacyChoices(try table.string(name, at: place))
        if let filter { privacy?.filter = filter }
        if let isInsecure { privacy?.isInsecure = isInsecure }
        return
      }
      guard privacy != nil else {
        throw UsageError("'\(name)' needs 'dp' before it")
      }
      if name == "filter" {
        privacy?.filter = try PrivacyChoices.filter(try table.string(name, at: place))
      } else {
        privacy?.isInsecure = try table.bool(name, at: place)
      }
    } catch let error as UsageError {
      throw InputError(error.message, at: place)
    }
  }
}
