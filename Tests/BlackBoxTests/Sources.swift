// SPDX-License-Identifier: MIT
//
// The test programs in `programs`: where they lie, and how they are compiled, once each.

import Foundation
import Testing

/// The inputs beside the tests.
enum Sources {
    /// The folder of the sources.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("programs").path

    /// Where a source lies.
    static func path(_ name: String) -> String { folder + "/" + name }

    /// The text of a source.
    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: path(name), encoding: .utf8)
    }

    /// Compiles a C or C++ source, if this run has not done so yet; gives the program's path.
    static func program(_ name: String, _ options: [String] = []) throws -> String {
        try compiled.program(name, options)
    }

    /// The same for a library that programs link or open.
    static func library(_ name: String) throws -> String {
        try compiled.program(name, ["-fPIC", "-shared"])
    }

    private static let compiled = Compiled()
}

/// The programs that this test run has compiled. Guarded by: its lock, also while it compiles.
private final class Compiled: @unchecked Sendable {
    private let lock = NSLock()
    private var paths: [String: String] = [:]
    private let folder = Product.folder + "/black-box-programs"

    func program(_ name: String, _ options: [String]) throws -> String {
        lock.lock()
        defer { lock.unlock() }
        if let path = paths[name] { return path }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let isLibrary = options.contains("-shared")
        let path = folder + "/" + name + (isLibrary ? ".so" : ".program")
        let compiler = name.hasSuffix(".cpp") ? ["g++", "-std=c++17"] : ["gcc", "-std=gnu11"]
        // Without -fno-builtin a compiler may remove a malloc with its free.
        let common = ["-O1", "-g", "-Wall", "-fno-builtin", "-pthread", "-o", path]
        let words = compiler + common + [Sources.path(name)] + options
        let outcome = Command(words).run()
        guard outcome.isSuccess else {
            Issue.record("\(words.joined(separator: " ")): \(outcome.errors)")
            throw CocoaError(.executableLoad)
        }
        paths[name] = path
        return path
    }
}
