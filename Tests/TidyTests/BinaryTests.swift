// SPDX-License-Identifier: MIT
//
// What the built library shows, needs and weighs.

import Foundation
import Testing

@Suite(.enabled(if: Binary.isBuilt, "the library is not built beside the tests"))
struct BinaryTests {
    private static let bytesMax = 300_000
    private static let threadLocalBytesMax = 16

    /// The names between `global:` and `local:` in the version script.
    private func exported() throws -> Set<String> {
        let path = SourceTree.root.path + "/Sources/HakmemCore/exports.ld"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let body = text.components(separatedBy: "global:")[1].components(separatedBy: "local:")[0]
        let names = body.components(separatedBy: ";")
            .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        return Set(names.filter { !$0.isEmpty })
    }

    /// `name = definition;` lines of aliases.ld.
    private func aliases() throws -> [String: String] {
        let path = SourceTree.root.path + "/Sources/HakmemCore/aliases.ld"
        var aliases: [String: String] = [:]
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for line in text.components(separatedBy: "\n") {
            let parts = line.split(separator: ";")[safe: 0]?.components(separatedBy: " = ") ?? []
            if parts.count == 2 { aliases[parts[0]] = parts[1] }
        }
        return aliases
    }

    /// Functions of the core with a C name.
    private func definitions() -> Set<String> {
        var names: Set<String> = []
        for file in SourceTree.files(under: "Sources/HakmemCore", ["swift"]) {
            for line in file.lines {
                guard let start = line.range(of: "@c(") else { continue }
                names.insert(String(line[start.upperBound...].prefix { $0 != ")" }))
            }
        }
        return names
    }

    @Test func everyExportHasItsDefinition() throws {
        let aliases = try aliases()
        let definitions = definitions()
        for name in try exported() where !definitions.contains(name) {
            let target = aliases[name]
            #expect(target.map(definitions.contains) == true, "\(name)")
        }
        for (name, target) in aliases {
            #expect(definitions.contains(target), "\(name) = \(target)")
            #expect(try exported().contains(name), "\(name) is not exported")
        }
    }

    @Test func nothingElseIsExported() throws {
        let shown = Set(try Binary.symbols("--defined-only").map(\.name))
        #expect(shown == (try exported()))
    }

    @Test func itNeedsTheCLibraryOnly() throws {
        let needed = try Binary.lines(["readelf", "llvm-readelf"], ["-d", "-W", Binary.path])
            .filter { $0.contains("NEEDED") }
        for line in needed where !line.contains("libc.so.6") && !line.contains("ld-linux") {
            Issue.record("\(line)")
        }
        let allowed: Set = [
            "__cxa_finalize", "__errno_location", "__register_atfork", "abort", "clock_gettime",
            "dlsym", "environ", "fwrite", "getauxval", "memcpy", "memmove", "memset",
            "pthread_key_create", "pthread_setspecific",
            // The purge thread.
            "pthread_create", "pthread_detach", "pthread_sigmask", "sigemptyset", "sigfillset",
            // Weak: present where the program has them.
            "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable", "__gmon_start__",
            "_ZSt15get_new_handlerv", "_ZSt17__throw_bad_allocv",
        ]
        for symbol in try Binary.symbols("--undefined-only").map(\.name) {
            if !allowed.contains(symbol) { Issue.record("it needs \(symbol)") }
        }
    }

    /// What is loaded; a debug build carries the module's syntax tree beside it.
    @Test func itIsSmall() throws {
        let loaded = try Binary.lines(["readelf", "llvm-readelf"], ["-l", "-W", Binary.path])
            .filter { $0.contains("  LOAD ") }
            .compactMap { Int($0.split(separator: " ")[4].dropFirst(2), radix: 16) }
        #expect(!loaded.isEmpty && loaded.reduce(0, +) < BinaryTests.bytesMax)
        let sections = try Binary.lines(["readelf", "llvm-readelf"], ["-S", "-W", Binary.path])
        if !sections.contains(where: { $0.contains(".swift_ast") }) {
            #expect(Binary.bytes < BinaryTests.bytesMax)
        }
    }

    @Test func itsThreadLocalStorageIsTwoWords() throws {
        let segments = try Binary.lines(["readelf", "llvm-readelf"], ["-l", "-W", Binary.path])
        let line = try #require(segments.first { $0.contains("  TLS ") })
        let words = line.split(separator: " ")
        let bytes = try #require(Int(words[5].dropFirst(2), radix: 16))
        #expect(bytes <= BinaryTests.threadLocalBytesMax)
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? {
        indices.contains(index) ? self[index] : nil
    }
}
