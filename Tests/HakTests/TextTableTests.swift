// SPDX-License-Identifier: MIT

import Testing

@testable import hak

@Suite struct TextTableTests {
    private func table() -> TextTable {
        var table = TextTable(headings: ["name", "ns"], numericColumns: [1])
        table.append(["glibc", "7"])
        table.append(["a|b", "1234"])
        return table
    }

    @Test func plainColumnsAlign() {
        #expect(table().plain() == "name     ns\nglibc     7\na|b    1234\n")
    }

    @Test func plainLinesEndInNoSpace() {
        var table = TextTable(headings: ["a", "unit"])
        table.append(["x", ""])
        #expect(table.plain() == "a  unit\nx\n")
    }

    @Test func markdownEscapesBars() {
        #expect(
            table().markdown()
                == "| name | ns |\n| --- | ---: |\n| glibc | 7 |\n| a\\|b | 1234 |\n")
    }
}
