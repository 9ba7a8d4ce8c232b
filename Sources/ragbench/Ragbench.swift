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
      ServeCommand.self, GenerateCommand.self, EvalCommand.self, AttackCommand.self,
      DetectCommand.self, SweepCommand.self, ReproduceCommand.self, TrainCommand.self,
      AuditCommand.self, ReportCommand.self, EnvCommand.self, DoctorCommand.self,
    ])
}

@main
enum Main {
  static func main() {
    CommandLineCheck.openStandardStreams()
    // A file size limit is then an error of the write, like a full disk.
    signal(SIGXFSZ, SIG_IGN)
    leave(status())
  }

  /// Ends the process without the destructors of its libraries: OpenBLAS would wait there for threads
  /// that, under a memory limit, ask for memory for ever.
  private static func leave(_ status: Int32) -> Never {
    fflush(nil)
    _exit(status)
  }

  private static func status() -> Int32 {
    do {
      try MemoryBudget.checkAddressSpace()
      LinearAlgebraLibrary.useOneThread()
      try CommandLineCheck.checkEncoding()
      let arguments = Array(CommandLine.arguments.dropFirst())
      try CommandLineCheck.checkNames(arguments)
      var command = try Ragbench.parseAsRoot(ConfigurationFile.expand(arguments))
      try command.run()
      return ExitStatus.success.rawValue
    } catch let error as any ReportableError {
      Output.error("ragbench: \(error.description)")
      return error.exitStatus.rawValue
    } catch let error as ArgumentParser.ExitCode {
      return error.rawValue
    } catch {
      if Ragbench.exitCode(for: error) == .success
        || Ragbench.exitCode(for: error) == .validationFailure
      {
        Ragbench.exit(withError: error)
      }
      Output.error("ragbench: \(TerminalText.escaped(String(describing: error)))")
      return ExitStatus.failure.rawValue
    }
  }
}
