// The consent manager's answers, as it tells them to other scripts.
//
// Owns listening to all the interfaces that the site wants, and what they say together: of two that answer, the denial
// counts, and while one asks the visitor, nobody else's permission does. What each interface means is in its own file.
// Nothing is guessed: an interface that is silent says nothing.
import { google } from "./cmp/google.js";
import { gpp } from "./cmp/gpp.js";
import { tcf } from "./cmp/tcf.js";

export default (tag, settings) => {
  const said = new Map();
  // TCF first: a manager that is there already says at once that it asks. GPP last: what it lets go the others may have denied.
  for (const [name, listen] of Object.entries({ tcf, google, gpp })) {
    if (!settings[name]) continue;
    /** Takes answers by purpose; `null` where the interface says that here nobody has to be asked, nothing while it asks. */
    const tell = (answers) => {
      // Until the next answer the last one stands.
      said.set(name, answers === undefined ? said.get(name) : answers);
      if (answers === undefined) return;
      const all = [...said.values()];
      const asking = all.includes(undefined);
      const before = tag.consent();
      const told = {};
      for (const own of all) {
        // What another one granted earlier lifts no denial that came since.
        const stands = (purpose) => !asking && !told[purpose] && (own == answers || before[purpose] != "denied");
        for (const purpose in own) if (own[purpose] == "denied" || stands(purpose)) told[purpose] = own[purpose];
      }
      // The call after it sends what has waited, also when it says nothing.
      if (answers === null && !asking) tag.core.release();
      tag.api.consent(told);
    };
    listen(tell, settings, tag);
  }
};
