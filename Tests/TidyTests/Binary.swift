// SPDX-License-Identifier: MIT
//
// The built library beside the test bundle, and what the binary tools say of it.

import Foundation

enum Binary {
    /// HAKMEM_TEST_LIBRARY names another one, as a release build.
    static let path: String = {
        if let given = ProcessInfo.processInfo.environment["HAKMEM_TEST_LIBRARY"] { return given }
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return bundle.deletingLastPathComponent().path + "/libhakmem.so"
    }()

    /// A library that was built without the traits, where one is named.
    static let bare = ProcessInfo.processInfo.environment["HAKMEM_TEST_BARE_LIBRARY"]

    /// Whether there is one: a build for the sanitizers has none.
    static var isBuilt: Bool { FileManager.default.fileExists(atPath: path) }

    static var bytes: Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.size] as? Int ?? 0
    }

    /// Lines that a tool prints: the first of `names` that is installed.
    static func lines(_ names: [String], _ arguments: [String]) throws -> [String] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        let folders = search.split(separator: ":")
        let tool = names.first { name in
            folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
        guard let tool else { throw MissingTool(names: names) }
        process.arguments = [tool] + arguments
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).components(separatedBy: "\n")
    }

    /// The library's dynamic symbols: names without their versions, by kind (T, U, w, …).
    static func symbols(_ option: String) throws -> [(name: String, kind: String)] {
        try lines(["nm", "llvm-nm"], ["-D", option, path]).compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 2 else { return nil }
            let name = words[words.count - 1].split(separator: "@")[0]
            return (String(name), words[words.count - 2])
        }
    }
}

struct MissingTool: Error {
    let names: [String]
}
