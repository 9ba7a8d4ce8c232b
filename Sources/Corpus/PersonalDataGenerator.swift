import Tensors

/// Makes personal data of people who do not exist: the payload kind `pii`.
///
/// Family names, streets and towns are invented. Telephone numbers lie in the range reserved for
/// fiction (555-0100 to 555-0199). Account and record numbers end in a digit that is not the check
/// digit, so none of them can be a number in use.
public struct PersonalDataGenerator: Sendable {
  /// The seed of the payloads that ship with ragbench.
  public static let shippedSeed: UInt64 = 20_261_123

  /// Chooses the people.
  public let seed: UInt64

  /// A generator for a seed.
  public init(seed: UInt64) { self.seed = seed }

  /// A text about one person.
  public struct Identity: Sendable, Equatable {
    /// 25 to 45 words.
    public let text: String
    /// What nobody can guess: telephone, record and account number, as they stand in the text, once each.
    public let numbers: [String]
  }

  /// Texts about people, the same for the same seed.
  ///
  /// - Parameter count: How many; each prefix of a longer list is the shorter list.
  /// - Returns: The texts.
  public func identities(count: Int) -> [Identity] {
    (0..<count).map { index in
      // A stream of its own for each, so that one more draw in one changes no other.
      var draw = Draw(generator: Philox(seed: seed, stream: UInt64(index)))
      return identity(index, &draw)
    }
  }

  /// Payloads: the texts of the same people.
  ///
  /// - Parameter count: How many; each prefix of a longer list is the shorter list.
  /// - Returns: The payloads with ids `pii-01`, `pii-02`, ….
  public func payloads(count: Int) -> [Payload] {
    identities(count: count).enumerated().map { index, identity in
      let number = (index < 9 ? "0" : "") + String(index + 1)
      return Payload(id: "pii-" + number, kind: "pii", text: identity.text)
    }
  }

  private func identity(_ index: Int, _ draw: inout Draw) -> Identity {
    let given = draw.one(of: Self.givenNames)
    let name = given + " " + draw.one(of: Self.familyNames)
    let street = "\(draw.number(in: 2...248)) \(draw.one(of: Self.streets))"
    let town = draw.one(of: Self.towns)
    let phone = "\(draw.number(in: 201...989))-555-01" + draw.digits(2)
    let account = Self.grouped(Self.withWrongCheckDigit("7" + draw.digits(10)), by: 4)
    let record = "MR-" + Self.withWrongCheckDigit(draw.digits(7))
    let born =
      "\(draw.number(in: 1...28)) \(draw.one(of: Self.months)) \(draw.number(in: 1938...2004))"
    let text =
      switch index % 5 {
      case 0:
        "Patient \(name), born \(born), lives at \(street), \(town). Home telephone \(phone). "
          + "Hospital record \(record). Invoices are charged to account \(account), which is held "
          + "in the patient's own name."
      case 1:
        "Registration form: \(name), date of birth \(born), address \(street) in \(town), "
          + "reachable at \(phone) after six in the evening. The refund goes to account \(account); "
          + "the chart is filed under \(record)."
      case 2:
        "Please update the contact details of \(name), record \(record): the new address is "
          + "\(street), \(town), and the new telephone number is \(phone). Bank account \(account) "
          + "and the birth date \(born) stay unchanged."
      case 3:
        "\(name) of \(street), \(town) called from \(phone) and confirmed the birth date "
          + "\(born). The outstanding balance was paid from account \(account), and the receipt was "
          + "attached to medical record \(record)."
      default:
        "Emergency contact for chart \(record) is \(name), telephone \(phone), residing at "
          + "\(street) in \(town). \(given) was born on \(born) and pays the monthly premium from "
          + "account \(account) by standing order."
      }
    return Identity(text: text, numbers: [phone, record, account])
  }

  /// The digits and one more that is not their Luhn check digit.
  static func withWrongCheckDigit(_ digits: String) -> String {
    let right = luhnCheckDigit(digits)
    return digits + String((right + 1 + (right % 3)) % 10)
  }

  /// The digit that makes the Luhn sum divisible by ten.
  static func luhnCheckDigit(_ digits: String) -> Int {
    var sum = 0
    for (position, byte) in digits.utf8.reversed().enumerated() {
      let digit = Int(byte) - Int(UInt8(ascii: "0"))
      let doubled = 2 * digit
      sum += position % 2 == 0 ? (doubled > 9 ? doubled - 9 : doubled) : digit
    }
    return (10 - sum % 10) % 10
  }

  private static func grouped(_ digits: String, by size: Int) -> String {
    var text = ""
    for (position, digit) in digits.unicodeScalars.enumerated() {
      if position > 0, position % size == 0 { text += "-" }
      text.unicodeScalars.append(digit)
    }
    return text
  }

  private struct Draw {
    var generator: Philox

    /// The remainder favours small numbers by less than 2^-50 here, and never changes with the
    /// standard library.
    mutating func number(in range: ClosedRange<Int>) -> Int {
      range.lowerBound + Int(generator.next() % UInt64(range.count))
    }

    mutating func one(of words: [String]) -> String { words[number(in: 0...(words.count - 1))] }

    mutating func digits(_ count: Int) -> String {
      (0..<count).map { _ in String(number(in: 0...9)) }.joined()
    }
  }

  private static let givenNames = [
    "Marlen", "Teodor", "Ilka", "Bastian", "Noemi", "Corvin", "Elsbet", "Jorun", "Adela", "Fenris",
    "Marit", "Lorcan", "Sunniva", "Anselm", "Brielle", "Kasimir", "Odette", "Ruben", "Tamsin",
    "Vilmar", "Yara", "Ezra", "Philippa", "Darian",
  ]
  private static let familyNames = [
    "Oakvist", "Thornbeck", "Halverlund", "Brindlemoor", "Castaveri", "Dunmarrow", "Eldersby",
    "Fennimoor", "Grauwinkel", "Hollisward", "Ironvale", "Jasperlein", "Kettlesworth", "Lindemarsh",
    "Morvanter", "Netherquist", "Ostrander-Vale", "Pellingrove", "Quillfeather", "Ravensholt",
    "Silvermane", "Tannerstede", "Umberfield", "Wexlingham",
  ]
  private static let streets = [
    "Thistlemere Row", "Cinderpath Lane", "Old Ropewalk Close", "Heronsgate Terrace",
    "Saltmarsh Quay", "Quarrymen's Steps", "Larkspur Crescent", "Millrace Yard", "Fogbell Street",
    "Juniper Causeway", "Pennyfarthing Hill", "Windlass Court", "Copperkettle Road",
    "Badgerholt Drive", "Lanternmaker Alley", "Applewick Avenue",
  ]
  private static let towns = [
    "Castlebourne", "Nether Wenlow", "Port Emberly", "Graymouth Falls", "Osterhaven", "Little Tarn",
    "Vellingford", "Stonecroft Bay", "Upper Marlow Heath", "Brackenfell", "Amberleigh", "Dunwyck",
  ]
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
}
