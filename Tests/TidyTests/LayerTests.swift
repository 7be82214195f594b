// SPDX-License-Identifier: MIT
//
// The layers of the core are folders of one module; this holds their order.

import Testing

@Suite struct LayerTests {
    /// Lowest first: a file mentions nothing that only a later folder declares.
    private static let layers = ["Base", "OS", "Heap", "Observe", "Malloc"]

    private func files(_ layer: String) -> [SourceFile] {
        SourceTree.files(under: "Sources/HakmemCore/" + layer, ["swift"])
    }

    /// Names that a file declares: at its top level only, or at any.
    private func declared(in file: SourceFile, anywhere: Bool) -> Set<String> {
        let keywords: Set = ["struct", "enum", "class", "protocol", "func", "let", "var", "case"]
        var names: Set<String> = []
        for line in file.lines {
            let code = SourceFile.code(of: line)
            let isTop = code.first.map { !$0.isWhitespace } ?? false
            guard anywhere || isTop else { continue }
            if isTop, code.hasPrefix("private") || code.contains(" private ") { continue }
            let words = code.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
            for (word, name) in zip(words, words.dropFirst()) where keywords.contains(word) {
                names.insert(name)
            }
        }
        return names
    }

    @Test func everyFolderIsALayer() {
        let folders = Set(
            SourceTree.files(under: "Sources/HakmemCore", ["swift"]).map {
                String($0.path.split(separator: "/")[2])
            })
        #expect(folders == Set(LayerTests.layers))
    }

    @Test func nothingCallsUp() {
        var known: Set<String> = []
        for (index, layer) in LayerTests.layers.enumerated() {
            for file in files(layer) { known.formUnion(declared(in: file, anywhere: true)) }
            var above: [String: String] = [:]
            for higher in LayerTests.layers[(index + 1)...] {
                for file in files(higher) {
                    for name in declared(in: file, anywhere: false).subtracting(known) {
                        above[name] = file.path
                    }
                }
            }
            for file in files(layer) {
                for name in file.identifiers.intersection(above.keys) {
                    Issue.record("\(file) mentions \(name) of \(above[name]!)")
                }
            }
        }
    }

    @Test func fileNamesAreUnique() {
        let names = SourceTree.files(under: "Sources/HakmemCore", ["swift"]).map(\.name)
        #expect(names.count == Set(names).count)
    }
}
