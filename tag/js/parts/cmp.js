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
    /** Takes answers by purpose, nothing while the interface asks. `free` says that here nobody has to be asked: what is not
     * answered is let go as well, also beside a denial. */
    const tell = (answers, free) => {
      // Until the next answer the last one stands.
      said.set(name, answers || said.get(name));
      if (!answers) return;
      const all = [...said.values()];
      const asking = all.includes(undefined);
      const before = tag.consent();
      const told = {};
      for (const own of all) {
        // What another one granted earlier lifts no denial that came since.
        const stands = (purpose) => !asking && !told[purpose] && (own == answers || before[purpose] != "denied");
        for (const purpose in own) if (own[purpose] == "denied" || stands(purpose)) told[purpose] = own[purpose];
      }
      // The denial comes first. Both take their turn behind calls that wait, after which what has waited is sent.
      tag.api.consent(told);
      if (free && !asking) tag.api.ready(() => tag.core.release());
    };
    listen(tell, settings, tag);
  }
};
