// IAB's Global Privacy Platform: `__gpp`, for the opt-outs of the United States' sections.
//
// There nobody has to be asked first, so who has not opted out is let go without an answer, and an opt-out is a denial: of sale
// or sharing, of sending data and personalising; of targeted advertising, of personalising. The configuration may say
// otherwise. A denial that came from here is lifted only by the visitor's own change. Fields are 1 for opted out, 2 for not, 0
// for not applicable. Source: IAB Tech Lab, "GPP CMP API" 1.1 and "US National Privacy Section", read 2026-11-27.
import { PURPOSES, quiet, whenThere } from "./api.js";

/** The sections' names begin so: `usnat`, `usca`, `usva` and so on. */
const OF_THE_US = /^us[a-z]{2,3}(v\d+)?$/;

export const gpp = (tell, { gpp_opt_outs }, { consent }) => {
  const read = quiet((ping) => {
    if (!ping || ping.signalStatus != "ready") return;
    const sections = Object.entries(ping.parsedSections || {})
      .filter(([name]) => OF_THE_US.test(name))
      .flatMap(([, section]) => section);
    if (!sections[0]) return;
    const denied = new Set();
    for (const section of sections) {
      for (const [field, purposes] of Object.entries(gpp_opt_outs)) {
        // The browser's own signal inside a section is an opt-out of sale.
        const out = section?.[field] === 1 || (field == "SaleOptOut" && section?.Gpc === true);
        if (out) purposes.forEach((purpose) => denied.add(purpose));
      }
    }
    const before = consent();
    const answers = {};
    for (const purpose of PURPOSES) {
      if (denied.has(purpose)) answers[purpose] = "denied";
      else if (before[purpose] == "denied") answers[purpose] = "granted";
    }
    tell(Object.keys(answers)[0] ? answers : null);
  });
  whenThere("__gpp", (api) => {
    quiet(api)("addEventListener", (event) => read(event?.pingData));
    quiet(api)("ping", read);
  });
};
