// SPDX-License-Identifier: MIT
//
// `hak doctor`: what of this machine matters to an allocator, and whether preloading works.

import ArgumentParser
import FoundationEssentials
import Glibc

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at this machine, and at whether programs can run on hakmem here.",
        discussion: """
            The exit status is 1 when preloading does not work here or one of the programs named \
            cannot run on hakmem.
            """
    )

    @Option(help: "The allocator's library, instead of the one found.")
    var library: String?

    @Argument(help: "Programs to look at: can they run on hakmem?")
    var programs: [String] = []

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        var findings = SystemFindings.all()
        findings += SystemFindings.peers(in: Peer.folders())
        findings += Preloading(environment: environment).findings(requested: library)
        findings += programs.map { program($0, path: environment["PATH"]) }

        let width = findings.map(\.subject.count).max() ?? 0
        for finding in findings { print(finding.text(subjectWidth: width)) }
        if findings.contains(where: { $0.verdict == .broken }) { throw ExitCode(1) }
    }

    private func program(_ name: String, path: String?) -> Finding {
        do {
            let file = try Executable.find(name, path: path)
            if let obstacle = Executable.obstacle(to: file) {
                return Finding(
                    name, "\(file) \(obstacle)", .broken, advice: "`hak run` cannot change that")
            }
            return Finding(name, "\(file) can run on hakmem", .fine)
        } catch {
            return Finding(name, "\(error)", .broken, advice: "give the path of a program")
        }
    }
}

/// One line of the report.
struct Finding: Equatable {
    enum Verdict { case fine, notable, broken }

    let subject: String
    let value: String
    let verdict: Verdict
    /// What to do or to know about it.
    let advice: String?

    init(_ subject: String, _ value: String, _ verdict: Verdict = .fine, advice: String? = nil) {
        self.subject = subject
        self.value = value
        self.verdict = verdict
        self.advice = advice
    }

    /// `mark subject value`, and the advice on a line of its own.
    func text(subjectWidth: Int) -> String {
        let mark =
            switch verdict {
            case .fine: "  "
            case .notable: "! "
            case .broken: "X "
            }
        let space = String(repeating: " ", count: subjectWidth - subject.count + 2)
        let indent = String(repeating: " ", count: subjectWidth + 4)
        return mark + subject + space + value + (advice.map { "\n\(indent)→ \($0)" } ?? "")
    }
}
