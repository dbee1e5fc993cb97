"use strict";
(() => {
  const tools = document.querySelector(".tools");
  if (tools) {
    const cases = [...document.querySelectorAll(".case")];
    const groups = [...document.querySelectorAll("[data-group]")];
    const words = new Map(cases.map((c) => [c, c.textContent.toLowerCase()]));
    const field = (name) => tools.querySelector(`[data-filter="${name}"]`);
    const [respondent, system, text] = ["respondent", "system", "text"].map(field);
    const apply = () => {
      const sought = text.value.trim().toLowerCase();
      let shown = 0;
      for (const c of cases) {
        const keep =
          (!respondent.value || c.dataset.respondent === respondent.value) &&
          (!system.value || c.dataset.system === system.value) &&
          (!sought || words.get(c).includes(sought));
        c.hidden = !keep;
        shown += keep ? 1 : 0;
      }
      for (const g of groups) g.hidden = !g.querySelector(".case:not([hidden])");
      document.querySelector("[data-none]").hidden = shown > 0;
      tools.querySelector("output").textContent = `${shown} of ${cases.length} cases`;
    };
    tools.addEventListener("input", apply);
    for (const button of tools.querySelectorAll("[data-all]")) {
      button.addEventListener("click", () => {
        for (const c of cases) if (!c.hidden) c.open = button.dataset.all === "open";
      });
    }
    tools.hidden = false;
    apply();
  }

  const links = new Map(
    [...document.querySelectorAll(".contents a:not(.home)")].map((a) => [a.hash.slice(1), a]),
  );
  const watch = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const a of links.values()) a.removeAttribute("aria-current");
        const link = links.get(entry.target.id);
        link.setAttribute("aria-current", "location");
        const bar = link.parentElement;
        bar.scrollTo({ left: link.offsetLeft - bar.clientWidth / 3 });
      }
    },
    { rootMargin: "-20% 0px -75% 0px" },
  );
  for (const id of links.keys()) watch.observe(document.getElementById(id));
})();
