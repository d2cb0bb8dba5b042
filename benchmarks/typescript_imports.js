// Print which file of a folder imports which, as the TypeScript compiler resolves it: node typescript_imports.js COMPILER FOLDER
const fs = require("fs");
const path = require("path");
const ts = require(path.resolve(process.argv[2]));

const root = fs.realpathSync(process.argv[3]);
const files = fs
  .readdirSync(root, { recursive: true })
  .filter((name) => /\.tsx?$/.test(name) && !name.includes("node_modules"))
  .map((name) => path.join(root, name));
const options = { moduleResolution: ts.ModuleResolutionKind.NodeNext, module: ts.ModuleKind.NodeNext };
const known = new Set(files);
const imports = {};
for (const file of files) {
  const named = [];
  const visit = (node) => {
    const where = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
    const given = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0];
    if (where) named.push(where.text);
    if (given && ts.isStringLiteral(given)) named.push(given.text);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) named.push(node.argument.literal.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true));
  const found = named.map((name) => ts.resolveModuleName(name, file, options, ts.sys).resolvedModule);
  imports[file] = found.filter((one) => one && known.has(one.resolvedFileName)).map((one) => one.resolvedFileName);
}
console.log(JSON.stringify(imports));
