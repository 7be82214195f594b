// SPDX-License-Identifier: MIT

import FoundationEssentials
import Testing

@testable import hak

@Suite struct RealProgramTests {
    private let environment = ["PATH": "/usr/bin:/bin", "TMPDIR": "/tmp"]

    @Test func namesAreUnique() {
        let names = RealProgram.all.map(\.name)
        #expect(names.count == Set(names).count)
    }

    @Test func whatIsNotInstalledIsLeftOutWithALine() throws {
        var selection = RowSelection()
        selection.names = ["start"]
        let folder = try ProgramFolder(environment: ["PATH": "/nowhere", "TMPDIR": "/tmp"])
        defer { folder.remove() }
        let planned = try RealProgram.rows(
            selection, in: { folder }, progress: Progress(isWanted: false))
        #expect(planned.rows.isEmpty)
        #expect(planned.skipped.count == 1)
        #expect(planned.skipped[0].hasPrefix("start: 'sh' is no program"))
    }

    @Test func aRowHasItsCommand() throws {
        var selection = RowSelection()
        selection.names = ["start"]
        let folder = try ProgramFolder(environment: environment)
        defer { folder.remove() }
        let planned = try RealProgram.rows(
            selection, in: { folder }, progress: Progress(isWanted: false))
        #expect(planned.rows.map(\.row.family) == [RealProgram.family])
        guard case .program(let command) = planned.rows.first?.task else {
            Issue.record("no command")
            return
        }
        #expect(command[0].hasSuffix("/sh"))
    }

    @Test func theFolderGoesWithItsContents() throws {
        let folder = try ProgramFolder(environment: environment)
        let file = try folder.write("input", "text")
        #expect(FileContents.text(at: file) == "text")
        folder.remove()
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    @Test func aFolderThatCannotBeMadeSaysWhatToDo() {
        let failure = #expect(throws: Failure.self) {
            try ProgramFolder(environment: ["TMPDIR": "/nowhere/at/all"])
        }
        #expect(failure?.description.contains("set TMPDIR") == true)
    }

    @Test func inputsAreTheSameEveryTime() {
        #expect(ProgramText.gitStream(commits: 3) == ProgramText.gitStream(commits: 3))
        #expect(ProgramText.swiftTypes(count: 2).contains("struct Record1"))
    }
}
