"use strict";
(() => {
  const roles = [...document.querySelectorAll(".roles details")];
  const tools = document.querySelector(".tools");
  if (!tools) return;
  const [box, fold, told] = [tools.querySelector("input"), tools.querySelector("button"), tools.querySelector("output")];
  const texts = roles.map(role => role.textContent.toLowerCase());
  tools.hidden = false;
  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    roles.forEach((role, at) => {
      role.hidden = !words.every(word => texts[at].includes(word));
      if (!role.hidden) shown += 1;
    });
    told.value = words.length ? `${shown} of ${roles.length}` : "";
  };
  box.addEventListener("input", search);
  fold.addEventListener("click", () => {
    const open = roles.some(role => !role.hidden && !role.open);
    roles.forEach(role => { if (!role.hidden) role.open = open; });
    fold.textContent = open ? "Close all" : "Open all";
  });
  const follow = () => {
    const role = document.getElementById(location.hash.slice(1));
    if (!roles.includes(role)) return;
    box.value = "";
    search();
    role.open = true;
    role.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = roles.filter(role => !role.open);
    closed.forEach(role => { role.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach(role => { role.open = false; }));
})();
