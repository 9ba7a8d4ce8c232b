import Basics

/// Where the figures come from.
extension HTMLReport {
  var provenance: Markup {
    var lines: [(String, String)] = []
    for corpus in data.corpora.prefix(Self.maximumUnits) {
      lines.append(
        (
          "corpus \(corpus["name"]?.stringValue ?? "")",
          "\(Format.count(corpus["passages"]?.intValue ?? 0)) passages, checksum"
            + " \(corpus["checksum"]?.stringValue ?? "")"
        ))
    }
    lines += Provenance.time(data.seconds)
    return Provenance(description: data.description, lines: lines).markup
  }
}
