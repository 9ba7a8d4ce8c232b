import Basics

/// Everything that decides the bits of an embedding; another identity's vectors are never mixed in.
public struct RetrieverIdentity: Sendable, Equatable {
  /// The model's name.
  public var model: String
  /// Hash of its weights, tokenizer, pooling and precision.
  public var modelHash: String
  /// The length of its vectors.
  public var dimension: Int
  /// How its vectors are compared: `innerProduct`, `cosine` or `l2`.
  public var similarity: String
  /// What stands between title and text of a passage.
  public var titleSeparator: String
  /// The instruction set it computes with; results differ in the last bits between them.
  public var instructionSet: String

  /// An identity.
  ///
  /// - Parameters:
  ///   - model: The model's name.
  ///   - modelHash: Hash of all that belongs to the model.
  ///   - dimension: From 1 to 65536.
  ///   - similarity: The name of the similarity.
  ///   - titleSeparator: The separator of the corpus.
  ///   - instructionSet: The name of the kernels' instruction set.
  public init(
    model: String, modelHash: String, dimension: Int, similarity: String, titleSeparator: String,
    instructionSet: String
  ) {
    self.model = model
    self.modelHash = modelHash
    self.dimension = dimension
    self.similarity = similarity
    self.titleSeparator = titleSeparator
    self.instructionSet = instructionSet
  }

  /// The identity as one line of JSON with its members in a fixed order.
  public var canonicalText: String {
    get throws {
      try JSONObject([
        ("model", .string(model)),
        ("modelHash", .string(modelHash)),
        ("dimension", .integer(Int64(dimension))),
        ("similarity", .string(similarity)),
        ("titleSeparator", .string(titleSeparator)),
        ("instructionSet", .string(instructionSet)),
      ]).serialized()
    }
  }

  /// Reads what `canonicalText` wrote.
  ///
  /// - Parameter canonicalText: One line of JSON.
  /// - Throws: `InputError` that names the member.
  public init(canonicalText: String) throws {
    let object = try JSONParser.parse(canonicalText).requiredObject()
    self.init(
      model: try object.string("model"), modelHash: try object.string("modelHash"),
      dimension: try object.int("dimension"), similarity: try object.string("similarity"),
      titleSeparator: try object.string("titleSeparator"),
      instructionSet: try object.string("instructionSet"))
  }
}
