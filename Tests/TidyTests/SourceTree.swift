// SPDX-License-Identifier: MIT
//
// The files of the project, as the tidy tests read them.

import Foundation

struct SourceFile: Sendable, CustomStringConvertible {
    /// From the project's root.
    let path: String
    let lines: [String]

    var description: String { path }
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The identifiers of a Swift file, without those in comments and strings.
    var identifiers: Set<String> {
        var found: Set<String> = []
        for line in lines {
            let code = SourceFile.code(of: line)
            let words = code.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            found.formUnion(words.map(String.init))
        }
        return found
    }

    /// A line up to its comment, its string literals emptied.
    static func code(of line: String) -> String {
        var code = ""
        var isInString = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { isInString.toggle() }
            if !isInString {
                if character == "/", previous == "/" {
                    code.removeLast()
                    return code
                }
                code.append(character)
            }
            previous = character
        }
        return code
    }
}

enum SourceTree {
    static let root: URL = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The project's own files with one of these endings, links not followed.
    static func files(under folder: String, _ endings: Set<String>) -> [SourceFile] {
        let start = folder.isEmpty ? root : root.appendingPathComponent(folder)
        let keys: [URLResourceKey] = [.isSymbolicLinkKey]
        guard let all = FileManager.default.enumerator(at: start, includingPropertiesForKeys: keys)
        else { return [] }
        var files: [SourceFile] = []
        for case let url as URL in all {
            let name = url.lastPathComponent
            if name.hasPrefix(".build") || name == ".git" {
                all.skipDescendants()
                continue
            }
            let isLink = try? url.resourceValues(forKeys: Set(keys)).isSymbolicLink
            if isLink == true { all.skipDescendants() }
            guard isLink != true, endings.contains(url.pathExtension) else { continue }
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            let path = String(url.path.dropFirst(root.path.count + 1))
            files.append(SourceFile(path: path, lines: text.components(separatedBy: "\n")))
        }
        return files.sorted { $0.path < $1.path }
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// Sources that people write by hand.
    static var code: [SourceFile] {
        files(under: "Sources", ["swift", "h"]) + files(under: "Tests", ["swift", "c", "h", "cpp"])
    }
}
