// SPDX-License-Identifier: MIT

import ArgumentParser
import Testing

@testable import hak

@Suite struct RunCommandTests {
    private func parse(_ arguments: String...) throws -> RunCommand {
        try #require(try Hak.parseAsRoot(["run"] + arguments) as? RunCommand)
    }

    @Test func whatFollowsTheProgramIsItsOwn() throws {
        let command = try parse("--stats", "ls", "--mode", "x", "--", "--help", "-h", "--stats")
        #expect(command.stats)
        #expect(command.mode == nil)
        #expect(command.command == ["ls", "--mode", "x", "--", "--help", "-h", "--stats"])
    }

    @Test func aDashDashEndsTheOptions() throws {
        let command = try parse("--mode", "fast", "--", "-odd", "--stats")
        #expect(command.mode == "fast")
        #expect(!command.stats)
        #expect(command.command.suffix(2) == ["-odd", "--stats"])
    }

    @Test func wrongUseIsRefused() {
        #expect(throws: (any Error).self) { try parse("--stats") }
        #expect(throws: (any Error).self) { try parse("--") }
        #expect(throws: (any Error).self) { try parse("--unknown", "ls") }
        #expect(throws: (any Error).self) { try parse("--mode", "reckless", "ls") }
    }

    @Test func benchTakesACommandOnlyWithItsFlag() throws {
        func bench(_ arguments: String...) throws { _ = try Hak.parseAsRoot(["bench"] + arguments) }
        try bench("--program", "--", "ls", "--json")
        try bench("--scenario", "json,vm", "--iterations", "10")
        #expect(throws: (any Error).self) { try bench("ls") }
        #expect(throws: (any Error).self) { try bench("--program") }
        #expect(throws: (any Error).self) { try bench("--program", "--scenario", "vm", "ls") }
        #expect(throws: (any Error).self) { try bench("--repetitions", "0") }
    }
}
