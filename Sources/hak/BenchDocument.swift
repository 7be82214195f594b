// SPDX-License-Identifier: MIT
//
// The results of `hak bench` as a whole, and their JSON with machine, date and versions.

import FoundationEssentials
import Glibc

/// What a comparison hands out.
struct BenchDocument: Codable {
    /// The format of the JSON; a change that breaks readers raises it.
    static let formatVersion = 2

    /// What an allocator is in the comparison.
    enum Role: String, Codable {
        /// hakmem itself.
        case subject
        case peer
        /// Another with variables set: shown, but never the best peer.
        case variant
    }

    /// An allocator's name and the file behind it, whose name carries its version.
    struct Contestant: Codable, Equatable {
        let name: String
        let library: String
        let role: Role
        /// `NAME=VALUE`, set for its processes.
        let variables: [String]
    }

    var format = formatVersion
    /// When the run ended, in UTC.
    var date = Date().formatted(.iso8601)
    var machine = Machine.current()
    let allocators: [Contestant]
    /// Rounds that were asked for; a run that is short of time makes fewer.
    let rounds: Int
    var rows: [BenchRowResult] = []
    /// What is not installed and was left out.
    var skipped: [String] = []

    init(allocators: [Allocator], rounds: Int) {
        let cLibrary = Machine.current().cLibrary
        self.allocators = allocators.map {
            Contestant(
                name: $0.name, library: $0.library ?? cLibrary, role: $0.role,
                variables: $0.variables.map { "\($0)=\($1)" }.sorted())
        }
        self.rounds = rounds
    }

    /// What was not measured, and why.
    var failures: [String] { rows.flatMap(\.failures) }

    /// Rounds that were made.
    var roundsMade: Int {
        rows.flatMap { $0.cells.map(\.samples.count) }.max() ?? 0
    }

    var names: [String] { allocators.map(\.name) }

    /// The allocator whose figures are 1: mimalloc where it takes part, else the first peer.
    var base: String? {
        let peers = allocators.filter { $0.role == .peer }.map(\.name)
        return peers.first { $0 == "mimalloc" } ?? peers.first
    }

    var summary: BenchSummary {
        BenchSummary(
            rows: rows, base: base, subject: allocators.first { $0.role == .subject }?.name,
            peers: allocators.filter { $0.role == .peer }.map(\.name))
    }

    /// The JSON.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }

    /// Reads the JSON of an earlier run.
    static func read(_ path: String) throws -> BenchDocument {
        guard let bytes = FileContents.bytes(at: path, bytesMax: 256 * 1024 * 1024) else {
            throw Failure("cannot read '\(path)': \(errorText(errno)); name a file of --json")
        }
        return try decoded(bytes, from: path)
    }

    /// Decodes JSON; `path` is named when it is unreadable.
    static func decoded(_ bytes: [UInt8], from path: String) throws -> BenchDocument {
        struct Format: Decodable { let format: Int }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = Data(bytes)
        guard let format = try? decoder.decode(Format.self, from: data).format else {
            throw Failure("'\(path)' is no document of `hak bench --json`")
        }
        guard format == formatVersion else {
            throw Failure(
                """
                '\(path)' has format \(format), and this tool reads \(formatVersion); \
                measure again, or use the tool that wrote it
                """)
        }
        do {
            return try decoder.decode(BenchDocument.self, from: data)
        } catch {
            throw Failure("'\(path)' is damaged: \(error)")
        }
    }
}
