import Basics

/// The figures of a grid, in the order of its axes: the same however the work was divided.
enum SweepResults {
  /// A finished piece of work: a cell, or one evaluation of a unit's detectors.
  struct Entry {
    var event: String
    /// Its coordinates.
    var identity: JSONObject
    var value: JSONObject

    init(event: String, identity: JSONObject, value: JSONObject) {
      self.event = event
      self.identity = identity
      self.value = value
    }

    /// The entry that a line of a log holds; nil if it is none.
    init?(_ line: JSONObject) {
      guard let event = line["event"]?.stringValue, let identity = line["of"]?.objectValue,
        let value = line["value"]?.objectValue
      else { return nil }
      self.init(event: event, identity: identity, value: value)
    }

    /// Coordinates and figures in one object.
    fileprivate var json: JSONValue {
      var object = identity
      for (key, member) in value.members { object[key] = member }
      return .object(object)
    }
  }

  /// The content of `results.json`.
  ///
  /// - Parameters:
  ///   - description: What `SweepRun.description` gives.
  ///   - entries: All pieces in the order of the units.
  /// - Returns: The object.
  static func json(_ description: JSONObject, _ entries: [Entry]) -> JSONObject {
    func values(_ event: String) -> JSONValue {
      .array(entries.filter { $0.event == event }.map(\.json))
    }
    var object: JSONObject = [
      "plan": description["plan"] ?? .null, "corpora": description["corpora"] ?? .null,
      "cells": values("cell"), "detection": values("detection"),
    ]
    for event in ["contamination", "transfer"] where entries.contains(where: { $0.event == event })
    {
      object[event] = values(event)
    }
    return object
  }
}
