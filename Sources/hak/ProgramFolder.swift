// SPDX-License-Identifier: MIT
//
// A folder of its own for the inputs of real programs, gone at the end.

import FoundationEssentials
import Glibc

/// A temporary folder, and the programs that write into it.
struct ProgramFolder {
    let path: String
    let environment: [String: String]

    /// Makes the folder under TMPDIR, or under /tmp.
    init(environment: [String: String]) throws {
        let parent = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let pattern = "\(parent)/hak-bench-XXXXXX"
        guard let name = strdup(pattern) else { throw Failure("no memory for a path") }
        defer { free(name) }
        guard mkdtemp(name) != nil else {
            throw Failure(
                "cannot make a folder in '\(parent)': \(errorText(errno)); set TMPDIR to another")
        }
        path = String(cString: name)
        self.environment = environment
    }

    /// Removes the folder and what is in it.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Writes an input and gives its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try FileContents.write(Array(text.utf8), to: file)
        return file
    }

    /// The path of a program.
    func find(_ tool: String) throws -> String {
        try Executable.find(tool, path: environment["PATH"])
    }

    /// Runs a program to its end; its ending is a failure where it is not well.
    @discardableResult
    func run(_ tool: String, _ arguments: [String]) throws -> String {
        let child = try Child.run(try find(tool), arguments, environment: environment)
        guard child.succeeded else {
            let reason = child.errors.split(separator: "\n").first.map(String.init) ?? ""
            throw Failure("\(tool) ended by \(child.ending). \(reason)")
        }
        return String(decoding: child.output, as: UTF8.self)
    }
}
