// The consent manager's answers, as it tells them to other scripts.
//
// Owns listening to all the interfaces that the site wants, and what they say together: of two that answer, the denial
// counts. What each interface means is in its own file. Nothing is guessed: an interface that is silent says nothing.
import { google } from "./cmp/google.js";
import { gpp } from "./cmp/gpp.js";
import { tcf } from "./cmp/tcf.js";

export default (tag, settings) => {
  const said = new Map();
  for (const [name, listen] of Object.entries({ google, tcf, gpp })) {
    if (!settings[name]) continue;
    /** Takes answers by purpose, or `null` where the interface says that here nobody has to be asked. */
    const tell = (answers) => {
      said.set(name, answers);
      const all = {};
      for (const own of said.values()) {
        for (const [purpose, answer] of Object.entries(own || {})) if (all[purpose] != "denied") all[purpose] = answer;
      }
      // The call after it sends what has waited, also when it says nothing.
      if (!answers) tag.core.release();
      tag.api.consent(all);
    };
    listen(tell, settings, tag);
  }
};
