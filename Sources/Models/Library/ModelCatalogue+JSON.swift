import Basics

extension ModelCatalogue {
  init(json: JSONObject, at place: Place) throws {
    let format = try json.int("format", at: place)
    guard format == 1 else {
      throw InputError("a catalogue of format \(format), expected 1", at: place)
    }
    try StrictKeys.check(json, ["format", "models"], at: place)
    var seen: Set<UTF8Key> = []
    entries = try json.objects("models", at: place).enumerated().map { index, object in
      let inner = place.inside("models").inside(String(index))
      let entry = try Entry(json: object, at: inner)
      guard seen.insert(UTF8Key(entry.card.name)).inserted else {
        throw InputError("the model '\(entry.card.name)' is listed twice", at: place)
      }
      return entry
    }
  }
}

extension ModelCatalogue.Entry {
  private static let ownKeys = ["pooling", "note", "downloadBytes", "packages", "repositories"]

  fileprivate init(json: JSONObject, at place: Place) throws {
    // An entry is a card without files and source, and where to get them.
    var cardJSON: JSONObject = ["format": .integer(Int64(ModelCard.currentFormat))]
    for (key, value) in json.members where !Self.ownKeys.contains(key) {
      guard key != "format", key != "files", key != "source" else {
        throw InputError("unknown key '\(place.inside(key).key ?? key)'", at: place)
      }
      cardJSON[key] = value
    }
    cardJSON["source"] = .string("catalogue")
    cardJSON["files"] = .array([])
    card = try ModelCard(json: cardJSON, at: place)
    pooling = try json.optionalString("pooling", at: place).map { name in
      guard let pooling = Pooling(rawValue: name) else {
        throw InputError(
          "'\(place.inside("pooling").key ?? "")': expected mean or cls, found '\(name)'", at: place
        )
      }
      return pooling
    }
    note = try json.optionalString("note", at: place)
    downloadBytes = try json.optionalInt("downloadBytes", at: place)
    packages = try json.optionalObject("packages", at: place).map {
      try ModelCatalogue.PackageSource(json: $0, at: place.inside("packages"))
    }
    if json["repositories"] == nil {
      repositories = []
    } else {
      repositories = try json.objects("repositories", at: place).enumerated().map {
        try ModelCatalogue.RepositorySource(
          json: $1, at: place.inside("repositories").inside(String($0)))
      }
    }
    guard packages != nil || !repositories.isEmpty else {
      throw InputError(
        "the model '\(card.name)' has neither 'packages' nor 'repositories'", at: place)
    }
  }
}

extension ModelCatalogue.PackageSource {
  fileprivate init(json: JSONObject, at place: Place) throws {
    try StrictKeys.check(json, ["names", "parts", "folder", "files"], at: place)
    packages = try json.objects("names", at: place).enumerated().map { index, object in
      let inner = place.inside("names").inside(String(index))
      try StrictKeys.check(object, ["name", "version", "platform", "pythonVersion"], at: inner)
      return ModelCatalogue.Package(
        name: try plain(object, "name", at: inner),
        version: try plain(object, "version", at: inner),
        platform: try object.optionalString("platform", at: inner),
        pythonVersion: try object.optionalString("pythonVersion", at: inner))
    }
    parts = json["parts"] == nil ? [] : try json.strings("parts", at: place)
    guard parts.isEmpty ? packages.count == 1 : parts.count == packages.count else {
      throw InputError(
        "'\(place.inside("parts").key ?? "")' has \(parts.count) entries for"
          + " \(packages.count) packages", at: place)
    }
    folder = try relative(json, "folder", at: place)
    files = try ModelCatalogue.File.list(json, at: place)
  }
}

extension ModelCatalogue.RepositorySource {
  fileprivate init(json: JSONObject, at place: Place) throws {
    try StrictKeys.check(json, ["repository", "revision", "directory", "files"], at: place)
    repository = try relative(json, "repository", at: place)
    revision = try relative(json, "revision", at: place)
    directory = json["directory"] == nil ? "" : try relative(json, "directory", at: place)
    files = try ModelCatalogue.File.list(json, at: place)
  }
}

extension ModelCatalogue.File {
  fileprivate static func list(_ json: JSONObject, at place: Place) throws -> [Self] {
    try json.objects("files", at: place).enumerated().map { index, object in
      let inner = place.inside("files").inside(String(index))
      try StrictKeys.check(object, ["path", "origin", "optional", "sha256"], at: inner)
      let path = try relative(object, "path", at: inner)
      let sha256 = try object.optionalString("sha256", at: inner)
      if let sha256, !ModelCard.isDigest(sha256) {
        throw InputError(
          "'\(inner.inside("sha256").key ?? "")': expected 64 lower-case hexadecimal digits",
          at: inner)
      }
      return Self(
        path: path,
        origin: object["origin"] == nil ? path : try relative(object, "origin", at: inner),
        isOptional: try object.optionalBool("optional", at: inner) ?? false, sha256: sha256)
    }
  }
}

private func relative(_ json: JSONObject, _ key: String, at place: Place) throws -> String {
  let text = try json.string(key, at: place)
  if let fault = RelativeName.fault(text) {
    throw InputError("'\(place.inside(key).key ?? key)': \(fault)", at: place)
  }
  return text
}

/// A package name or version: nothing that pip could take for an option or an address.
private func plain(_ json: JSONObject, _ key: String, at place: Place) throws -> String {
  let text = try json.string(key, at: place)
  if let fault = ModelName.fault(text) {
    throw InputError("'\(place.inside(key).key ?? key)': \(fault)", at: place)
  }
  return text
}
