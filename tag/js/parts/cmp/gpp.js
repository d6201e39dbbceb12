// IAB's Global Privacy Platform: `__gpp`, for the opt-outs of the United States' sections.
//
// There nobody has to be asked first, so a visitor is let go without an answer, and an opt-out is a denial and no more than that:
// of sale or sharing, of sending data and personalising; of targeted advertising, of personalising. The configuration may say
// otherwise. A denial is lifted here only if it came from here, on this page, and only by the visitor's own change. Fields are 1
// for opted out, 2 for not, 0 for not applicable.
//
// The sections count where one is in force, which `applicableSections` says by ids: 2 and 5 are the TCF's of Europe and Canada,
// from 6 on they are the United States'; -1 says that none is, 0 or an empty list that it is not known. Where it is not known,
// the sections that are there count. Sources: IAB Tech Lab, "GPP CMP API" 1.1, "US National Privacy Section" and "Section
// Information", read 2026-11-27.
import { PURPOSES, quiet, whenThere } from "./api.js";

/** The sections' names begin so: `usnat`, `usca`, `usva` and so on. */
const OF_THE_US = /^us[a-z]{2,3}(v\d+)?$/;

export const gpp = (tell, { gpp_opt_outs }) => {
  // What the last reading denied.
  let before = new Set();
  const read = quiet((ping) => {
    if (!ping || ping.signalStatus != "ready") return;
    const parsed = Object.entries(ping.parsedSections || {});
    const sections = parsed.filter(([name]) => OF_THE_US.test(name)).flatMap(([, section]) => section);
    const known = [ping.applicableSections].flat().filter(Number);
    // Of each section in force, whether it is one of the United States.
    const inForce = known[0] ? known.map((id) => id > 5) : parsed.map(([name]) => /^us/.test(name));
    if (!sections[0] || !inForce.includes(true)) return;
    const denied = new Set();
    for (const section of sections) {
      for (const [field, purposes] of Object.entries(gpp_opt_outs)) {
        // The browser's own signal inside a section is an opt-out of sale.
        const out = section?.[field] === 1 || (field == "SaleOptOut" && section?.Gpc === true);
        if (out) purposes.forEach((purpose) => denied.add(purpose));
      }
    }
    const answers = {};
    for (const purpose of PURPOSES) {
      if (denied.has(purpose)) answers[purpose] = "denied";
      else if (before.has(purpose)) answers[purpose] = "granted";
    }
    before = denied;
    // Where another framework may be in force as well, one that asks first, silence is no permission.
    tell(answers, !inForce.includes(false));
  });
  whenThere("__gpp", (api) => {
    quiet(api)("addEventListener", (event) => read(event?.pingData));
    quiet(api)("ping", read);
  });
};
