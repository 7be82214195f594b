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
    private static let pairMax = 30
    private static let instructionBytesMax = 15

    private struct Instruction {
        let mnemonic: String
        let operands: String
    }

    /// The instructions of an export from its entry to its first return, no branch taken.
    private func straightPath(_ name: String) throws -> [Instruction] {
        let symbols = try Binary.lines(["nm", "llvm-nm"], ["-D", "--defined-only", Binary.path])
        let line = try #require(symbols.first { $0.hasSuffix(" T " + name) }, "\(name)")
        let start = try #require(UInt(line.split(separator: " ")[0], radix: 16))
        let end = start + UInt(HitPathTests.pairMax * HitPathTests.instructionBytesMax)
        let listing = try Binary.lines(
            ["llvm-objdump", "objdump"],
            [
                "-d", "--no-show-raw-insn", "--start-address=\(start)", "--stop-address=\(end)",
                Binary.path,
            ])
        var path: [Instruction] = []
        for line in listing {
            // "    8090:      \tcmpq\t$1025, %rdi    # …"
            let parts = line.components(separatedBy: ":")
            guard parts.count >= 2,
                UInt(parts[0].trimmingCharacters(in: .whitespaces), radix: 16) != nil
            else { continue }
            let text = parts.dropFirst().joined(separator: ":")
            let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let mnemonic = words.first else { continue }
            path.append(
                Instruction(
                    mnemonic: HitPathTests.plain(mnemonic),
                    operands: words.dropFirst().joined(separator: " ")))
            if mnemonic.hasPrefix("ret") { return path }
        }
        Issue.record("\(name) does not return within \(HitPathTests.pairMax) instructions")
        return path
    }

    /// A mnemonic without its operand size, which disassemblers write or not.
    private static func plain(_ mnemonic: String) -> String {
        let sized: Set = [
            "cmp", "mov", "lea", "and", "or", "add", "sub", "shr", "shl", "test", "btr", "bts",
            "ret", "xor", "bt", "push", "pop",
        ]
        let short = String(mnemonic.dropLast())
        return "qlwb".contains(mnemonic.last ?? " ") && sized.contains(short) ? short : mnemonic
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
