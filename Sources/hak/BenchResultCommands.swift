// SPDX-License-Identifier: MIT
//
// What is done with results that are written down: `hak bench compare`, `matrix` and `page`.

import ArgumentParser

struct BenchCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Shows what changed from one run to another.")

    @Argument(help: "The file of --json of the earlier run.")
    var old: String

    @Argument(help: "The file of --json of the later run.")
    var new: String

    @Option(
        help: ArgumentHelp(
            "The allocator whose cells are compared; default: hakmem.", valueName: "name"))
    var allocator = "hakmem"

    func run() throws {
        let (old, new) = (try BenchDocument.read(old), try BenchDocument.read(new))
        let common = BenchComparison.common(old, new)
        guard common.contains(allocator) else {
            throw Failure(
                """
                --allocator '\(allocator)' is not in both runs; use \
                \(common.isEmpty ? "two runs of the same" : common.joined(separator: ", "))
                """)
        }
        let comparison = BenchComparison(old: old, new: new, allocator: allocator)
        print(comparison.text(), terminator: "")
    }
}

struct BenchMatrixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "matrix", abstract: "Writes the summary matrix into the README.")

    @Argument(help: "The file of --json of a run.")
    var results: String

    @Option(
        help: ArgumentHelp(
            "The Markdown file with the marks `\(BenchReadme.start)` and `\(BenchReadme.end)`.",
            valueName: "file"))
    var readme = "README.md"

    func run() throws {
        let document = try BenchDocument.read(results)
        guard let text = FileContents.text(at: readme) else {
            throw Failure("--readme '\(readme)' cannot be read; name a Markdown file")
        }
        let inserted = try BenchReadme(document: document).inserted(into: text, path: readme)
        try FileContents.write(Array(inserted.utf8), to: readme)
    }
}

struct BenchPageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "page", abstract: "Draws the results of a run as one HTML page.")

    @Argument(help: "The file of --json of a run.")
    var results: String

    @Argument(help: "The page to write.")
    var page: String

    func run() throws {
        try BenchRunCommand.checkWritable(page, of: "the page")
        let document = try BenchDocument.read(results)
        try FileContents.write(Array(BenchPage(document).html().utf8), to: page)
    }
}
