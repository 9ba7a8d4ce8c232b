import ArgumentParser
import Basics
import Glibc
import Statistics

/// The program: every command of ragbench.
struct Ragbench: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "ragbench",
    abstract: "A security testbed for retrieval-augmented generation.",
    discussion: """
      Indexes a corpus, attacks it with poisoned documents, and measures how many questions the \
      attacker hijacks and how many of the documents a detector catches. Test only systems that \
      you are entitled to test.

      Example: ragbench attack --corpus medqa --k 2,5,10

      Exit status: 0 success, 1 a limit was missed, 2 failure, 64 usage, 65 bad data, 66 no input, \
      73 cannot create, 74 input or output, 75 locked; 130 and 143 after signals.
      """,
    version: version,
    subcommands: [
      ModelCommand.self, CorpusCommand.self, IndexCommand.self, QueryCommand.self,
      EvalCommand.self, AttackCommand.self, DetectCommand.self, SweepCommand.self,
      ReportCommand.self, EnvCommand.self,
      DoctorCommand.self,
    ])
}

@main
enum Main {
  static func main() {
    CommandLineCheck.openStandardStreams()
    LinearAlgebraLibrary.useOneThread()
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      try CommandLineCheck.checkNames(arguments)
      var command = try Ragbench.parseAsRoot(ConfigurationFile.expand(arguments))
      try command.run()
    } catch let error as any ReportableError {
      Output.error("ragbench: \(error.description)")
      exit(error.exitStatus.rawValue)
    } catch let error as ArgumentParser.ExitCode {
      exit(error.rawValue)
    } catch {
      if Ragbench.exitCode(for: error) == .success
        || Ragbench.exitCode(for: error) == .validationFailure
      {
        Ragbench.exit(withError: error)
      }
      Output.error("ragbench: \(TerminalText.escaped(String(describing: error)))")
      exit(ExitStatus.failure.rawValue)
    }
  }
}
