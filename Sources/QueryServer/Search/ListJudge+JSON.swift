import Basics
import Defenses
import Statistics

extension ListJudge {
  /// Detector, level and threshold as JSON.
  var json: JSONObject {
    [
      "detector": .string(name), "falsePositiveRate": .number(conformal.falsePositiveRate),
      "per": .string(unit.rawValue), "threshold": .number(conformal.threshold),
      "calibrationScores": JSONValue(conformal.scores.count),
      "provenance": .object(detector.provenance),
    ]
  }
}
