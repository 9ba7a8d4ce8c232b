/// Numbers 0..<count in groups that are joined two by two.
public struct DisjointGroups {
  private var parents: [Int]

  /// Each number alone.
  ///
  /// - Parameter count: How many, 0 or more.
  public init(count: Int) { parents = Array(0..<count) }

  /// The least number of a number's group.
  public mutating func first(of number: Int) -> Int {
    var number = number
    while parents[number] != number {
      parents[number] = parents[parents[number]]
      number = parents[number]
    }
    return number
  }

  /// Joins the groups of two numbers.
  public mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (first(of: a), first(of: b))
    parents[max(a, b)] = min(a, b)
  }
}
