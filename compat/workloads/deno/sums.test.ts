Deno.test("sums", () => {
  if (1 + 1 !== 2) throw new Error("wrong");
});
