// SPDX-License-Identifier: MIT
//
// The house rules that a machine can hold.

import Foundation
import Testing

@Suite struct StyleTests {
    private static let linesMax = 350
    private static let columnsMax = 100

    @Test func filesAreShort() {
        for file in SourceTree.code where file.lines.count - 1 > StyleTests.linesMax {
            Issue.record("\(file): \(file.lines.count - 1) lines")
        }
    }

    @Test func linesAreShort() {
        for file in SourceTree.code {
            for (index, line) in file.lines.enumerated() where line.count > StyleTests.columnsMax {
                Issue.record("\(file):\(index + 1): \(line.count) columns")
            }
        }
    }

    @Test func everyFileBeginsWithItsLicence() {
        let scripts = SourceTree.files(under: "", ["sh", "ld"])
        for file in SourceTree.code + scripts {
            let head = file.lines.prefix(3).joined(separator: "\n")
            if !head.contains("SPDX-License-Identifier: MIT") { Issue.record("\(file)") }
        }
    }

    @Test func nothingIsLeftForLater() {
        // Put together here, so that this file does not contain them.
        let banned = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        for file in SourceTree.code {
            for (index, line) in file.lines.enumerated() {
                let words = line.split { !($0.isLetter || $0.isNumber) }.map(String.init)
                for word in banned where words.contains(word) {
                    Issue.record("\(file):\(index + 1): \(word)")
                }
            }
        }
    }

    @Test func sharedVariablesNameTheirGuard() {
        let keyword = "nonisolated" + "(unsafe)"
        for file in SourceTree.files(under: "Sources/HakmemCore", ["swift"]) {
            for (index, line) in file.lines.enumerated() where line.contains(keyword) {
                let above = file.lines[max(0, index - 3)...index].joined()
                if !above.contains("Guarded by:") { Issue.record("\(file):\(index + 1)") }
            }
        }
    }

    /// Paths in the documentation, and of the documentation in the sources.
    @Test func pathsInDocumentsExist() {
        let folders = Set(["Sources", "Tests", "docs", "scripts", "Benchmarks", ".ci"])
        let files =
            SourceTree.files(under: "", ["md"])
            + SourceTree.files(under: "Sources", ["swift", "h"])
        for file in files {
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            for (index, line) in file.lines.enumerated() {
                let isDocument = file.path.hasSuffix(".md")
                for path in StyleTests.paths(in: line, links: isDocument) {
                    let first = path.split(separator: "/").first.map(String.init) ?? ""
                    let isKnown = folders.contains(first)
                    let isLink = isDocument && line.contains("](\(path))")
                    guard isKnown || isLink else { continue }
                    let beside = folder.isEmpty ? path : folder + "/" + path
                    if !SourceTree.exists(path), !SourceTree.exists(beside) {
                        Issue.record("\(file):\(index + 1): \(path) does not exist")
                    }
                }
            }
        }
    }

    /// What looks like a relative path.
    private static func paths(in line: String, links: Bool) -> [String] {
        let allowed = Set("/._-+")
        var paths: [String] = []
        for word in line.split(whereSeparator: {
            !($0.isASCII && ($0.isLetter || $0.isNumber) || allowed.contains($0))
        }) {
            let path = word.trimmingCharacters(in: CharacterSet(charactersIn: ".,"))
            if path.hasPrefix("/") || path.isEmpty { continue }
            if path.contains("/") || links && line.contains("](\(path))") { paths.append(path) }
        }
        return paths.filter { !line.contains($0 + "*") && !line.contains("…/" + $0) }
            .filter { !line.contains("://" + $0) && !line.contains($0 + "<") }
            .filter { !line.contains($0 + "…") }
    }
}
