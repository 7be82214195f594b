// SPDX-License-Identifier: MIT
//
// The layers of the core are folders of one module; this holds their order.

import Testing

@Suite struct LayerTests {
    /// Lowest first: a file mentions nothing that only a later folder declares.
    private static let layers = ["Base", "OS", "Learn", "Heap", "Observe", "Malloc"]

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

    /// Names that only the layers above one declare, with their files.
    private func namesAbove(_ layer: String) -> [String: String] {
        let index = LayerTests.layers.firstIndex(of: layer)!
        var known: Set<String> = []
        for lower in LayerTests.layers[...index] {
            for file in files(lower) { known.formUnion(declared(in: file, anywhere: true)) }
        }
        var above: [String: String] = [:]
        for higher in LayerTests.layers[(index + 1)...] {
            for file in files(higher) {
                for name in declared(in: file, anywhere: false).subtracting(known) {
                    above[name] = file.path
                }
            }
        }
        return above
    }

    @Test func nothingCallsUp() {
        for layer in LayerTests.layers {
            let above = namesAbove(layer)
            for file in files(layer) {
                for name in file.identifiers.intersection(above.keys) {
                    Issue.record("\(file) mentions \(name) of \(above[name]!)")
                }
            }
        }
    }

    @Test func aCallUpIsSeen() {
        #expect(namesAbove("Base")["SystemCall"] != nil)
        #expect(namesAbove("OS")["pageHeap"] != nil)
        #expect(namesAbove("Heap")["Statistics"] != nil)
        #expect(namesAbove("Observe")["hakMalloc"] != nil)
        let lines = ["// pageHeap", "let name = \"pageHeap\"  // pageHeap", "_ = pageHeap.pointee"]
        let found = lines.map { SourceFile(path: "", lines: [$0]).identifiers.contains("pageHeap") }
        #expect(found == [false, false, true])
    }

    @Test func fileNamesAreUnique() {
        let names = SourceTree.files(under: "Sources/HakmemCore", ["swift"]).map(\.name)
        #expect(names.count == Set(names).count)
    }
}
