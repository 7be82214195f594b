// SPDX-License-Identifier: MIT
//
// Reading files whose size is not known beforehand, as those of /proc and /sys.

import Glibc

/// Reads of whole files, and what the file system says about a path.
enum FileContents {
    /// The bytes of a file, at most `bytesMax`; nil when it cannot be read.
    static func bytes(at path: String, bytesMax: Int = 16 * 1024 * 1024) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while contents.count < bytesMax {
            let got = read(file, &chunk, min(chunk.count, bytesMax - contents.count))
            guard got >= 0 else { return nil }
            guard got > 0 else { break }
            contents += chunk[..<got]
        }
        return contents
    }

    /// The text of a file; nil when it cannot be read.
    static func text(at path: String) -> String? {
        bytes(at: path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The text of a file of one line, without the line's end.
    static func line(at path: String) -> String? {
        text(at: path)?.split(separator: "\n", maxSplits: 1).first.map(String.init)
    }

    /// Replaces a file, whole or not at all: another file takes its name at the end.
    static func write(_ contents: [UInt8], to path: String) throws {
        let unfinished = "\(path).unfinished-\(getpid())"
        let file = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else {
            throw Failure(
                """
                cannot write '\(path)': \(errorText(errno)); give a path in a folder that exists \
                and may be written
                """)
        }
        var done = 0
        var error: Int32 = 0
        while done < contents.count, error == 0 {
            let written = contents[done...].withUnsafeBytes {
                Glibc.write(file, $0.baseAddress, $0.count)
            }
            if written < 0 { error = errno } else { done += written }
        }
        if close(file) != 0, error == 0 { error = errno }
        if error == 0, rename(unfinished, path) != 0 { error = errno }
        guard error == 0 else {
            unlink(unfinished)
            throw Failure("cannot write '\(path)': \(errorText(error))")
        }
    }

    /// Whether the path names a regular file.
    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether the path names a regular file that this user may execute.
    static func isExecutable(_ path: String) -> Bool {
        isFile(path) && access(path, X_OK) == 0
    }

    /// The absolute path without links; nil when there is no such file.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The folder that a path lies in.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The last component of a path.
    static func name(of path: String) -> String {
        String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
    }
}
