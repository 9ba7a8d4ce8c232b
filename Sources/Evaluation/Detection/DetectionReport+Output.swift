public import Basics
public import Defenses
import Statistics

extension DetectionReport {
  /// The report as JSON: no times in it, the same bytes for the same data, settings and seed.
  public var json: JSONValue {
    var object: JSONObject = ["settings": settings.json, "fits": .array(fits.map(\.json))]
    if !unfitted.isEmpty {
      object["unfitted"] = .array(
        unfitted.map {
          .object([
            "querySet": .string($0.querySet), "detector": .string($0.detector),
            "notApplicable": .string($0.reason),
          ])
        })
    }
    return .object(object)
  }

  /// The figures of poison that reached the user against the clean top k alone, without drawings: for
  /// experiments with many reports.
  var brief: JSONObject {
    var brief = self
    for fit in brief.fits.indices {
      brief.fits[fit].cells = brief.fits[fit].cells.filter {
        $0.positives == .reached && $0.negatives == .hard
      }
      for cell in brief.fits[fit].cells.indices {
        brief.fits[fit].cells[cell].drawing = nil
        brief.fits[fit].cells[cell].comparisons = []
      }
    }
    var object = brief.json.objectValue ?? JSONObject()
    object["settings"] = nil
    return object
  }

  /// One line for each query set, detector and payload kind: poison that reached the user against
  /// clean documents of the same lists.
  ///
  /// - Parameters:
  ///   - falsePositiveRate: One of the nominal rates of the settings.
  ///   - unit: What the rate counts.
  /// - Returns: The table; a cell without a value is a dash.
  public func table(
    falsePositiveRate: Double = 0.05, per unit: DetectionCalibration.Unit = .pair
  ) -> TextTable {
    var table = TextTable([
      .init("query set"), .init("detector"), .init("payload"), .init("poison", .right),
      .init("TPR", .right), .init("95 % interval", .right), .init("AUROC", .right),
      .init("AUPRC", .right), .init("clean flagged", .right), .init("95 % interval", .right),
    ])
    for fit in fits {
      let clean = fit.falsePositives.first { $0.nominal == falsePositiveRate && $0.unit == unit }
      for cell in fit.cells where cell.positives == .reached && cell.negatives == .hard {
        let found = cell.truePositives.first { $0.nominal == falsePositiveRate && $0.unit == unit }
        let rate = found?.found.value?.rate.value
        table.append([
          fit.querySet, fit.detector, cell.payloadKind, String(cell.positiveCount),
          Self.text(rate), Self.text(found?.interval.value),
          Self.text(cell.areaUnderROC.value?.value), Self.text(cell.averagePrecision.value?.value),
          Self.text(clean?.pairRate.value?.value), Self.text(clean?.pairRate.value?.interval),
        ])
      }
    }
    return table
  }

  private static func text(_ value: Double?) -> String {
    value.map { Format.decimals($0, 3) } ?? "–"
  }

  private static func text(_ interval: Interval?) -> String {
    interval.map { "\(Format.decimals($0.lower, 3))–\(Format.decimals($0.upper, 3))" } ?? "–"
  }
}

extension DetectionProtocol {
  /// The settings as JSON.
  public var json: JSONValue {
    .object([
      "detectors": .array(
        detectors.map { .object(["name": .string($0.detector), "parameters": $0.parameters.json]) }),
      "attacker": .string(attacker.rawValue),
      "shares": .object([
        "fit": .number(shares.fit), "calibrate": .number(shares.calibrate),
      ]),
      "grouping": .string(grouping.rawValue),
      "windows": .string(windows.rawValue), "mode": .string(mode.rawValue),
      "reach": JSONValue(reach),
      "falsePositiveRates": .array(falsePositiveRates.map { .number($0) }),
      "easyNegatives": JSONValue(easyNegatives),
      "resamples": JSONValue(resamples),
      "seed": .string(String(seed)),
    ])
  }
}

extension DetectorParameters {
  /// Names and values in the order of the names.
  fileprivate var json: JSONValue {
    .object(
      JSONObject(
        values.sorted { UTF8Key($0.key) < UTF8Key($1.key) }.map { ($0.key, .string($0.value)) }))
  }
}

extension DetectionReport.Fit {
  fileprivate var json: JSONValue {
    .object([
      "querySet": .string(querySet),
      "detector": .string(detector),
      "parameters": parameters.json,
      "summary": .object(JSONObject(summary.map { ($0.name, .string($0.value)) })),
      "questions": .object([
        "fit": JSONValue(questions.fit), "calibrate": JSONValue(questions.calibrate),
        "test": JSONValue(questions.test),
        "nearDuplicates": JSONValue(questions.nearDuplicates),
      ]),
      "falsePositives": .array(falsePositives.map(\.json)),
      "cells": .array(cells.map(\.json)),
    ])
  }
}

extension DetectionReport.FalsePositives {
  fileprivate var json: JSONValue {
    var object: JSONObject = [
      "nominal": .number(nominal),
      "unit": .string(unit.rawValue),
      "threshold": threshold.json { .number($0) },
      "pairRate": pairRate.json(\.json),
      "flaggedQueries": JSONValue(queries.successes),
      "queries": JSONValue(queries.trials),
    ]
    object["expectedFlaggedQueries"] = expectedQueries.map {
      .array([JSONValue($0.lowerBound), JSONValue($0.upperBound)])
    }
    return .object(object)
  }
}

extension DetectionReport.Cell {
  fileprivate var json: JSONValue {
    var object: JSONObject = [
      "payload": .string(payloadKind),
      "positives": .string(positives.rawValue),
      "negatives": .string(negatives.rawValue),
      "positiveCount": JSONValue(positiveCount),
      "negativeCount": JSONValue(negativeCount),
      "auroc": areaUnderROC.json(\.json),
      "auprc": averagePrecision.json(\.json),
    ]
    if !truePositives.isEmpty { object["truePositives"] = .array(truePositives.map(\.json)) }
    if !comparisons.isEmpty { object["comparisons"] = .array(comparisons.map(\.json)) }
    object["drawing"] = drawing.map { drawing in
      .object([
        "roc": .array(
          zip(DetectionReport.Drawing.falsePositiveRates, drawing.truePositiveRates).map {
            .array([.number($0), .number($1)])
          }),
        "scores": .array([.number(drawing.range.lowerBound), .number(drawing.range.upperBound)]),
        "clean": .array(drawing.clean.map { JSONValue($0) }),
        "poison": .array(drawing.poison.map { JSONValue($0) }),
      ])
    }
    return .object(object)
  }
}

extension DetectionReport.Comparison {
  fileprivate var json: JSONValue {
    [
      "with": .string(baseline),
      "auroc": difference.json { estimate in
        [
          "difference": .number(estimate.value), "interval": estimate.interval.json,
          "p": estimate.pValue.json { .number($0) },
        ]
      },
    ]
  }
}

extension DetectionReport.TruePositives {
  fileprivate var json: JSONValue {
    var object: JSONObject = ["nominal": .number(nominal), "unit": .string(unit.rawValue)]
    switch found {
    case .notApplicable(let reason): object["notApplicable"] = .string(reason)
    case .value(let found):
      object["found"] = JSONValue(found.successes)
      object["rate"] = found.rate.json { .number($0) }
      object["interval"] = interval.json(\.json)
    }
    if case .value(let evading) = evading {
      object["evading"] = (try? evading.json()).map { .object($0) }
    }
    return .object(object)
  }
}

extension BootstrapEstimate {
  fileprivate var json: JSONValue {
    .object(["value": .number(value), "interval": interval.json])
  }
}

extension Interval {
  fileprivate var json: JSONValue { .array([.number(lower), .number(upper)]) }
}

extension Applicable {
  /// The value, or an object that says why there is none.
  func json(_ convert: (Value) -> JSONValue) -> JSONValue {
    switch self {
    case .value(let value): convert(value)
    case .notApplicable(let reason): .object(["notApplicable": .string(reason)])
    }
  }
}
