import Corpus
import Testing

@testable import Corpus

@Suite struct PersonalDataGeneratorTests {
  @Test func `a seed decides, and a prefix of a list is the shorter list`() {
    let ten = PersonalDataGenerator(seed: 1).payloads(count: 10)
    #expect(ten == Array(PersonalDataGenerator(seed: 1).payloads(count: 40).prefix(10)))
    #expect(ten != PersonalDataGenerator(seed: 2).payloads(count: 10))
  }

  @Test func `no number can be in use`() throws {
    for payload in PersonalDataGenerator(seed: 7).payloads(count: 500) {
      let phone = try #require(payload.text.firstMatch(of: /\b\d{3}-555-(\d{4})\b/))
      #expect(phone.output.1.hasPrefix("01"))
      let account = try #require(payload.text.firstMatch(of: /\b\d{4}-\d{4}-\d{4}\b/))
      let record = try #require(payload.text.firstMatch(of: /MR-(\d{8})/))
      for digits in [account.output.filter { $0 != "-" }, String(record.output.1)] {
        let last = digits.last.flatMap { Int(String($0)) }
        #expect(last != PersonalDataGenerator.luhnCheckDigit(String(digits.dropLast())))
      }
    }
  }

  @Test(arguments: [("7992739871", 3), ("1789372997", 4), ("0", 0), ("411111111111111", 1)])
  func `check digits of known numbers`(digits: String, expected: Int) {
    #expect(PersonalDataGenerator.luhnCheckDigit(digits) == expected)
  }

  /// The numbers by which extraction is counted stand in the text once each.
  @Test func numbersStandInTheTextOnce() {
    let people = PersonalDataGenerator(seed: 3).identities(count: 400)
    for person in people {
      #expect(person.numbers.count == 3)
      for number in person.numbers {
        #expect(person.text.ranges(of: number).count == 1, "\(number) in \(person.text)")
      }
    }
    #expect(Set(people.flatMap(\.numbers)).count > 1190)
  }
}
