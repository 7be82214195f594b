// SPDX-License-Identifier: MIT
//
// Misuse of the heap: each case is one probe process that commits it once.

import Glibc
import Testing

/// A misuse: the arguments of the probe.
struct Misuse: CustomStringConvertible, Sendable {
    let words: [String]

    var description: String { words.joined(separator: " ") }

    init(_ name: String, _ size: Int = 48, _ offset: Int? = nil) {
        words = [name, "\(size)"] + (offset.map { ["\($0)"] } ?? [])
    }

    /// Runs it on the library.
    func run(_ environment: [String: String] = [:]) -> Outcome {
        var command = Command([Product.probes, "misuse"] + words)
        command.environment = environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        return command.run(on: .hakmem)
    }
}

@Suite struct MisuseTests {
    static let doubleFrees: [Misuse] =
        [8, 48, 1000, 2000, 5000, 40_000, 100 << 10, 1 << 20, 8 << 20].flatMap { size in
            [
                Misuse("double-free", size), Misuse("double-free-aba", size),
                Misuse("double-free-later", size), Misuse("double-free-thread", size),
                Misuse("double-free-remote", size), Misuse("double-free-remote-twice", size),
                Misuse("realloc-freed", size), Misuse("realloc-freed-in-place", size),
            ]
        } + [Misuse("double-free-cfree")]

    static let interiorFrees: [Misuse] =
        [32, 48, 1000, 2000, 5000, 100_000, 8 << 20].flatMap { size in
            [1, 8, 16].map { Misuse("interior", size, $0) }
        }
    static let otherInteriors = [
        Misuse("interior", 24 << 20, 4096), Misuse("interior", 24 << 20, 4 << 20),
        Misuse("interior", 100_000, 65_536), Misuse("interior", 5000, 4096),
        Misuse("realloc-interior", 1000, 16), Misuse("realloc-interior", 8 << 20, 4096),
    ]

    static let foreignFrees = [
        Misuse("stack"), Misuse("static"), Misuse("code"), Misuse("mapped"),
        Misuse("never-allocated"), Misuse("beyond-heap"), Misuse("small-integer"),
        Misuse("non-canonical"), Misuse("kernel-half"),
    ]

    static let sizedFrees = [
        Misuse("free-sized", 48, 1000), Misuse("free-sized", 1000, 48),
        Misuse("free-sized", 100_000, 1000), Misuse("free-sized", 8 << 20, 100),
        Misuse("free-aligned-sized", 256, 5000), Misuse("free-aligned-sized", 64 << 10, 64),
    ]

    static let all = doubleFrees + interiorFrees + otherInteriors + foreignFrees + sizedFrees

    @Test(arguments: all) func isReportedAndEndsTheProgram(misuse: Misuse) throws {
        let outcome = misuse.run()
        #expect(outcome.ending == .signaled(SIGABRT), "\(outcome.output)\(outcome.errors)")
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(outcome.errors)")
        let address = try #require(outcome.lastAddress)
        #expect(
            lines.contains { $0.hasPrefix("hakmem: ") && $0.hasAddress(address) },
            "\(address) in: \(outcome.errors)")
    }

    @Test(arguments: all) func isWithoutHarmWhenIgnored(misuse: Misuse) {
        let outcome = misuse.run(["HAKMEM_ON_ERROR": "ignore"])
        expectSuccess(outcome, misuse.words)
        #expect(outcome.output.hasSuffix("ok\n"))
        #expect(
            outcome.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("hakmem: ") },
            "\(outcome.errors)")
    }

    @Test func sizeOfAForeignPointerIsNoCrash() {
        let outcome = Misuse("usable-size-foreign").run()
        expectSuccess(outcome, ["usable-size-foreign"])
    }

    @Test func saysWhatIsWrong() throws {
        expectLine(
            Misuse("double-free", 48), /hakmem: double free of 0x[0-9a-f]+ \(\d+-byte block\)/)
        expectLine(
            Misuse("interior", 1000, 16),
            /hakmem: free of 0x[0-9a-f]+, which is not the start of a block.*/)
        expectLine(Misuse("static"), /hakmem: free of foreign pointer 0x[0-9a-f]+.*/)
        expectLine(
            Misuse("free-sized", 48, 1000),
            /hakmem: free_sized of 0x[0-9a-f]+ with size 1000, but the block has \d+ bytes.*/)
    }

    private func expectLine(
        _ misuse: Misuse, _ pattern: Regex<Substring>,
        location: SourceLocation = #_sourceLocation
    ) {
        let outcome = misuse.run()
        let lines = outcome.errors.split(separator: "\n")
        #expect(
            lines.contains { $0.wholeMatch(of: pattern) != nil }, "\(outcome.errors)",
            sourceLocation: location)
    }
}

extension Outcome {
    /// The address that a probe last said it would misuse, as in `0x7f12`.
    fileprivate var lastAddress: Substring? {
        output.split(separator: "\n").last { $0.hasPrefix("address ") }?.dropFirst(8)
    }
}

extension Substring {
    /// Whether the address stands in the line as a whole.
    fileprivate func hasAddress(_ address: Substring) -> Bool {
        split { !$0.isHexDigit && $0 != "x" }.contains(address)
    }
}
