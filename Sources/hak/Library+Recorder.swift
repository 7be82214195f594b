// SPDX-License-Identifier: MIT

extension Library {
    /// The recorder of `hak trace`: beside the tool, or in `../lib` beside it.
    static func recorder(
        toolFolder: String = toolFolder(), exists: (String) -> Bool = FileContents.isFile
    ) throws -> String {
        let candidates = ["", "/../lib"].map { "\(toolFolder)\($0)/libhakmem-trace.so" }
        guard let found = candidates.first(where: exists) else {
            throw Failure(
                """
                the recorder is not at \(candidates.joined(separator: ", ")); run \
                `swift build -c release`, which builds it beside this tool
                """)
        }
        return try preloadable(found)
    }
}
