// SPDX-License-Identifier: MIT
//
// The hit paths of malloc and free, instruction by instruction. hit_path.golden beside this file is
// their record: a change of it is seen in review.

import Foundation
import Testing

/// The record is of x86-64.
#if arch(x86_64)
    private let isRecorded = true
#else
    private let isRecorded = false
#endif

@Suite(.enabled(if: Binary.isBuilt && isRecorded, "not built, or another machine"))
struct HitPathTests {
    private static let pairMax = 31

    private func straightPath(_ name: String) throws -> [Instruction] {
        let path = try Instruction.straightPath(
            of: name, in: Binary.path, max: HitPathTests.pairMax)
        return try #require(path, "\(name) does not return in \(HitPathTests.pairMax) instructions")
    }

    /// "malloc cmp 1": the record's lines, by function and mnemonic.
    private func record(_ name: String) throws -> [String] {
        let path = try straightPath(name)
        let counts = Dictionary(grouping: path, by: \.mnemonic).mapValues(\.count)
        return ["\(name) \(path.count)"]
            + counts.sorted { $0.key < $1.key }.map { "\(name) \($0.key) \($0.value)" }
    }

    @Test func aPairStaysWithinItsBound() throws {
        let count = try straightPath("malloc").count + straightPath("free").count
        #expect(count <= HitPathTests.pairMax)
    }

    @Test(arguments: ["malloc", "free"]) func thereIsNoFrameAndNoCall(name: String) throws {
        for instruction in try straightPath(name) {
            #expect(!["push", "pop", "call", "callq", "jmp"].contains(instruction.mnemonic))
            let movesStack = instruction.mnemonic == "sub" && instruction.operands.hasSuffix("%rsp")
            #expect(!movesStack)
            #expect(!instruction.operands.contains("lock"))
        }
    }

    @Test func thePathsAreAsRecorded() throws {
        let golden = SourceTree.root.path + "/Tests/TidyTests/hit_path.golden"
        let known = try String(contentsOfFile: golden, encoding: .utf8)
            .components(separatedBy: "\n").filter { !$0.isEmpty && !$0.hasPrefix("#") }
        let now = try record("malloc") + record("free")
        #expect(
            now == known,
            """
            the hit path has changed. If that is meant, put this into \(golden):
            \(now.joined(separator: "\n"))
            """)
    }
}
