// SPDX-License-Identifier: MIT

import HakmemCoreHosted
import Testing

@testable import hak

@Suite struct OptionsTableTests {
    @Test func everyOptionHasARow() {
        let variables = OptionsTable.specs().map(\.variable.description)
        #expect(variables.contains("HAKMEM_MODE"))
        #expect(variables.allSatisfy { $0.hasPrefix("HAKMEM_") })
        #expect(Set(variables).count == variables.count)
        #expect(OptionsTable.table().rows.map(\.[0]) == variables)
    }

    @Test func rangesByKind() {
        let mode = OptionName.mode.spec
        #expect(OptionsTable.range(of: mode) == HeapMode.words.joined(separator: ", "))
        #expect(HeapMode.words.contains(OptionsTable.defaultValue(of: mode)))
        let delay = OptionName.purgeDelayMs.spec
        #expect(OptionsTable.range(of: delay) == "\(delay.min)…\(delay.max)")
        #expect(OptionsTable.defaultValue(of: delay) == "\(delay.defaultValue)")
        let file = OptionName.statsFile.spec
        #expect(OptionsTable.range(of: file) == "a path")
        #expect(OptionsTable.defaultValue(of: file) == "none")
    }
}
