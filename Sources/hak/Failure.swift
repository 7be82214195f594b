// SPDX-License-Identifier: MIT

import Glibc

/// What stops a command: what was wrong, with which value, and what to do.
struct Failure: Error, CustomStringConvertible, Equatable {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Writes a line for people to standard error.
func complain(_ message: String) {
    writeToStandardError("hak: \(message)\n")
}

/// Writes text to standard error as it is.
func writeToStandardError(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// The C library's text for an error number.
func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }
