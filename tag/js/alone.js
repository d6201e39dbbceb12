// The stub for pages that load tag.js without the snippet: it stands in front of the tag, in the same file.
import { install } from "./stub.js";

try {
  install();
} catch {}
