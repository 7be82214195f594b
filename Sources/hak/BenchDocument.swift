// SPDX-License-Identifier: MIT
//
// The results of `hak bench` as a whole: tables for people, and JSON with machine and date.

import FoundationEssentials
import Glibc

/// What a comparison hands out.
struct BenchDocument: Codable {
    /// The format of the JSON; a change that breaks readers raises it.
    static let formatVersion = 1

    /// An allocator's name and the file behind it, whose name carries its version.
    struct Contestant: Codable, Equatable {
        let name: String
        let library: String
    }

    var format = formatVersion
    /// When the run ended, in UTC.
    var date = Date().formatted(.iso8601)
    var machine = Machine.current()
    let allocators: [Contestant]
    let repetitions: Int
    var scenarios: [ScenarioComparison] = []
    var program: ProgramComparison?

    init(allocators: [Allocator], repetitions: Int) {
        self.allocators = allocators.map {
            Contestant(name: $0.name, library: $0.library ?? Machine.current().cLibrary)
        }
        self.repetitions = repetitions
    }

    /// What was not measured, and why.
    var failures: [String] { scenarios.flatMap(\.failures) + (program?.failures ?? []) }

    /// The tables and what they stand for.
    func text() -> String {
        var text = """
            \(machine.processor), \(machine.processorCount) processors, \
            \(machine.memoryMib) MiB, Linux \(machine.kernel), \(machine.cLibrary), \
            huge pages \(machine.hugePages), \(date)
            processes of each allocator: \(repetitions), in turns; figures are medians over the \
            processes, min–max is the range of their medians

            """
        for allocator in allocators { text += "  \(allocator.name): \(allocator.library)\n" }
        for scenario in scenarios {
            text += "\n\(scenario.scenario): \(scenario.summary); "
            text += "\(scenario.iterations) iterations\n\(scenario.table().plain())"
        }
        if let program {
            text += "\n\(program.command.joined(separator: " "))\n\(program.table().plain())"
        }
        return text
    }

    /// Writes the JSON, whole or not at all.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let data = try encoder.encode(self)
        try FileContents.write([UInt8](data) + [UInt8(ascii: "\n")], to: path)
    }
}
