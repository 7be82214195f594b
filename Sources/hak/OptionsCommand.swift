// SPDX-License-Identifier: MIT
//
// `hak options`: the environment variables of the allocator, from the table that its parser reads.

import ArgumentParser
import HakmemCoreHosted

struct OptionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "options",
        abstract: "Lists the allocator's environment variables."
    )

    @Flag(help: "Print a Markdown table, as in the documentation.")
    var markdown = false

    func run() {
        let table = OptionsTable.table()
        print(markdown ? table.markdown() : table.plain(), terminator: "")
    }
}

/// The option table as text.
enum OptionsTable {
    /// Every option in the order of the allocator's table.
    static func specs() -> [OptionSpec] {
        var specs: [OptionSpec] = []
        while let name = OptionName(rawValue: specs.count) { specs.append(name.spec) }
        return specs
    }

    static func table() -> TextTable {
        var table = TextTable(headings: ["variable", "default", "range", "unit", "meaning"])
        for spec in specs() {
            table.append([
                spec.variable.description, defaultValue(of: spec), range(of: spec),
                spec.unit.description, spec.summary.description,
            ])
        }
        return table
    }

    static func defaultValue(of spec: OptionSpec) -> String {
        switch spec.kind {
        case .number: "\(spec.defaultValue)"
        case .word: words(of: spec)[Int(spec.defaultValue)]
        case .text: "none"
        }
    }

    static func range(of spec: OptionSpec) -> String {
        switch spec.kind {
        case .number: "\(spec.min)…\(spec.max)"
        case .word: words(of: spec).joined(separator: ", ")
        case .text: "a path"
        }
    }

    private static func words(of spec: OptionSpec) -> [String] {
        spec.words.description.split(separator: "|").map(String.init)
    }
}
