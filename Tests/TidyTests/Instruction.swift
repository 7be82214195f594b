// SPDX-License-Identifier: MIT
//
// The instructions of a built library, as the disassembler shows them.

import Foundation

struct Instruction: Equatable {
    private static let bytesMax = 15

    let mnemonic: String
    let operands: String

    /// The instructions of an export from its entry to its first return, no branch taken; nil when
    /// it does not return within `max` of them.
    static func straightPath(of name: String, in library: String, max: Int) throws -> [Instruction]?
    {
        let symbols = try Binary.lines(["nm", "llvm-nm"], ["-D", "--defined-only", library])
        guard let line = symbols.first(where: { $0.hasSuffix(" T " + name) }),
            let start = UInt(line.split(separator: " ")[0], radix: 16)
        else { return nil }
        let listing = try Binary.lines(
            ["llvm-objdump", "objdump"],
            [
                "-d", "--no-show-raw-insn", "--start-address=\(start)",
                "--stop-address=\(start + UInt(max * bytesMax))", library,
            ])
        var path: [Instruction] = []
        for line in listing {
            guard let instruction = Instruction(line: line) else { continue }
            path.append(instruction)
            if instruction.mnemonic.hasPrefix("ret") { return path }
            if path.count > max { return nil }
        }
        return nil
    }

    /// Parses "    8090:      \tcmpq\t$1025, %rdi    # …"; nil for other lines.
    private init?(line: String) {
        let parts = line.components(separatedBy: ":")
        guard parts.count >= 2,
            UInt(parts[0].trimmingCharacters(in: .whitespaces), radix: 16) != nil
        else { return nil }
        let text = parts.dropFirst().joined(separator: ":")
        let words = text.components(separatedBy: "#")[0]
            .split(whereSeparator: \.isWhitespace).map(String.init)
        guard let first = words.first else { return nil }
        mnemonic = Instruction.plain(first)
        operands = words.dropFirst().joined(separator: " ")
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

    /// The instruction without what depends on where the linker put it: targets of jumps, and
    /// distances to data.
    var unplaced: String {
        if mnemonic.hasPrefix("j") { return mnemonic }
        var text = operands
        while let end = text.range(of: "(%rip)") {
            let before = text[..<end.lowerBound]
            let digits = before.reversed().prefix { $0.isHexDigit || $0 == "x" || $0 == "-" }.count
            text = before.dropLast(digits) + "@" + text[end.upperBound...]
        }
        return mnemonic + " " + text
    }
}
