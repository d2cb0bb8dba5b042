// Everything works without this script; it only makes reading quicker.
"use strict";

// Times in the reader's own zone and language.
const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const element of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(element.dateTime);
  if (!Number.isNaN(moment.valueOf())) {
    element.title = element.textContent;
    element.textContent = format.format(moment);
  }
}

// "/" leads to the first search field, as on many pages.
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("input[type=search]");
  if (field) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});

// A form that is on its way is not sent twice.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A result that does not fit is faded out below; one that fits is not.
for (const text of document.querySelectorAll(".results .text")) {
  text.classList.toggle("long", text.scrollHeight > text.clientHeight + 4);
}

// What goes on while the page is open is looked at again, as long as somebody sees it.
async function follow() {
  const live = document.querySelector("[data-live]");
  if (!live) return;
  if (!document.hidden) {
    const reply = await fetch(location.href);
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh) return location.reload();
    live.replaceWith(fresh);
  }
  setTimeout(follow, 2000);
}
setTimeout(follow, 2000);
