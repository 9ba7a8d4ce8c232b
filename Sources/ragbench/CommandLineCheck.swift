import ArgumentParser
import Basics
import Glibc

/// What is checked before the command line is parsed.
enum CommandLineCheck {
  /// Opens `/dev/null` for each standard stream that is closed.
  ///
  /// Otherwise the next file opened would get its number, and what is printed would land in it.
  static func openStandardStreams() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one, because those below are open.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
    }
  }

  /// Refuses arguments that are not UTF-8.
  ///
  /// They would reach the commands repaired: a question that nobody asked, a file that is not there.
  ///
  /// - Throws: `UsageError`.
  static func checkEncoding() throws {
    for position in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[position] else { continue }
      if String(validatingCString: argument) != nil { continue }
      throw UsageError(
        "argument \(position), '\(TerminalText.excerpt(String(cString: argument)))', is not valid"
          + " UTF-8; rename the file, or give a link to it")
    }
  }

  /// Refuses a misspelt command with the nearest one.
  ///
  /// - Parameter arguments: The command line without the program's name.
  /// - Throws: `UsageError`.
  static func checkNames(_ arguments: [String]) throws {
    var command: any ParsableCommand.Type = Ragbench.self
    for argument in arguments {
      let subcommands = command.configuration.subcommands
      if subcommands.isEmpty || argument.hasPrefix("-") || argument == "help" { return }
      guard let next = subcommands.first(where: { $0._commandName == argument }) else {
        // What is no subcommand is an argument of the one that need not be named.
        if command.configuration.defaultSubcommand != nil { return }
        let names = subcommands.map { $0._commandName }
        throw UsageError(
          "there is no command '\(TerminalText.excerpt(argument))'"
            + NearestName.hint(for: argument, in: names)
            + " (there are: \(names.joined(separator: ", ")))")
      }
      command = next
    }
  }
}
