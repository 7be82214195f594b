// SPDX-License-Identifier: MIT
//
// `hak learn`: looks at what the allocator learnt, and changes it.

import ArgumentParser
import HakmemCoreHosted

struct LearnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn",
        abstract: "Watches the allocator learn; shows, compares, merges and resets its profiles.",
        subcommands: [
            LearnWatch.self, LearnShow.self, LearnDiff.self, LearnMerge.self, LearnReset.self,
        ]
    )
}

struct LearnShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a profile: its champion, ratings and rules.")

    @Argument(help: "The profile.", completion: .file())
    var file: String

    func run() throws {
        print(LearnText.show(try LearntProfile(path: file)), terminator: "")
    }
}

struct LearnDiff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Shows what differs between two profiles.",
        discussion: "Ends with status 1 when anything does.")

    @Argument(help: "The one profile.", completion: .file())
    var file: String

    @Argument(help: "The other.", completion: .file())
    var other: String

    func run() throws {
        let text = LearnText.difference(
            try LearntProfile(path: file), try LearntProfile(path: other))
        print(text, terminator: "")
        if !text.isEmpty { throw ExitCode(1) }
    }
}

struct LearnMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge", abstract: "Adds what another run of the same program learnt.",
        discussion: """
            Ratings are weighted by their samples, and the best rated strategy becomes the \
            champion. Where rules differ, those of FILE stay.
            """)

    @Argument(help: "The profile that is changed.", completion: .file())
    var file: String

    @Argument(help: "The profiles that are added.", completion: .file())
    var others: [String]

    func run() throws {
        var profile = try LearntProfile(path: file)
        for other in others {
            do {
                profile = try profile.merged(with: LearntProfile(path: other))
            } catch let failure as Failure {
                throw Failure("cannot merge '\(other)' into '\(file)': \(failure)")
            }
        }
        try FileContents.write(profile.bytes(), to: file)
    }
}

struct LearnReset: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Forgets what a profile says, and keeps whose it is.",
        discussion: "The next run learns from nothing. A profile that is refused is not touched.")

    @Argument(help: "The profile.", completion: .file())
    var file: String

    @Flag(help: "Keep the rules of call sites, and forget strategy and ratings alone.")
    var keepRules = false

    func run() throws {
        let old = try LearntProfile(path: file)
        var profile = LearntProfile(program: old.program)
        if keepRules { profile.rules = old.rules }
        try FileContents.write(profile.bytes(), to: file)
    }
}
