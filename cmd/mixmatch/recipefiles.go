package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmatch/merge"
	"mixmatch/merge/block"
	"mixmatch/merge/open"
	"mixmatch/merge/recipe"
)

// recipeSources returns the models of a recipe as [NAME=]PATH: what --source names,
// and of lists and the folders of modelsFlag what the recipe has by its name or its
// hash.
func recipeSources(c *cli.Context, path string, d *document) ([]string, error) {
	folders, inEnv := c.StringSlice("models"), filepath.SplitList(os.Getenv(modelsVariable))
	if err := checkFolders(c, folders); err != nil {
		return nil, err
	}
	all, err := choices(c, c.StringSlice("source"))
	if err != nil {
		return nil, err
	}
	var args, files []string
	have := map[string]bool{}
	for _, ch := range all {
		if ch.list != "" {
			files = append(files, ch.arg)
			continue
		}
		name, path := nameAndPath(ch.arg)
		if name == "" {
			name = nameOf(path)
		}
		args, have[name] = append(args, ch.arg), true
	}
	switch {
	case len(files)+len(folders)+len(inEnv) > 0:
	case len(args) == 0:
		return nil, usage("merge: name the models of the recipe with --source, or a folder that has them with --models")
	default:
		return args, nil
	}
	names, err := namesIn(d.text, c.String("result"))
	if err != nil && len(args) > 0 && len(files)+len(folders) == 0 {
		return args, nil // it is read again when the models are known
	}
	if err != nil {
		return nil, usage("%s: %w", path, err)
	}
	if vae := c.String("vae"); vae != "" && vae != "merge" && !slices.Contains(names, vae) {
		names = append(names, vae)
	}
	lacking := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return have[n] })
	if len(lacking) == 0 {
		return args, nil
	}
	below, err := walkAll(c, folders, inEnv)
	if err != nil {
		return nil, err
	}
	if files = append(files, below...); len(files) == 0 && len(folders) > 0 {
		return nil, usage("%s: there are no models in %s", c.Command.Name, strings.Join(folders, ", "))
	}
	for _, name := range lacking {
		found, err := findByName(c, name, d.hash(name), files)
		if err != nil {
			return nil, err
		}
		if found == "" {
			continue // which is told where the recipe's names are resolved
		}
		if nameOf(found) != name {
			found = name + "=" + found
		}
		args = append(args, found)
	}
	if len(args) == 0 {
		return nil, usage("%s: of the recipe's models, %s, none is among the files there", c.Command.Name, strings.Join(names, ", "))
	}
	return args, nil
}

// namesIn returns the models that a recipe merges. What kind they are is not known
// yet, so all kinds are tried.
func namesIn(text, result string) ([]string, error) {
	var first error
	for _, arch := range block.Archs() {
		for _, era := range block.ErasOf(arch) {
			l, err := block.For(arch, era)
			if err != nil {
				continue
			}
			r, err := recipe.Parse(l, text, recipe.Options{Result: result})
			if err == nil {
				return r.Program().Names(), nil
			}
			if first == nil {
				first = err
			}
		}
	}
	return nil, first
}

// findByName returns the file that is called name, whatever its ending, or that has the
// hash, if the recipe tells one; "" if there is none. If several are called so it
// is not known which is meant.
func findByName(c *cli.Context, name, hash string, files []string) (string, error) {
	called := func(same func(a, b string) bool) (all []string) {
		for _, f := range files {
			if same(nameOf(f), name) && !slices.ContainsFunc(all, func(g string) bool { return merge.SameFile(f, g) }) {
				all = append(all, f)
			}
		}
		return all
	}
	all := called(func(a, b string) bool { return a == b })
	if len(all) == 0 {
		all = called(strings.EqualFold)
	}
	if hash == "" && isHash.MatchString(name) && len(all) == 0 {
		hash = name // as metadata have it that tell no name
	}
	if hash != "" {
		return findByHash(c, name, hash, all, files)
	}
	if len(all) > 1 {
		return "", usage("%s: %s and %s are both called %s: say which is meant with --source %[4]s=PATH", c.Command.Name, all[0], all[1], name)
	}
	return strings.Join(all, ""), nil
}

var isHash = regexp.MustCompile(`^([0-9a-f]{8}|[0-9a-f]{10}|[0-9a-f]{64})$`)

// findByHash returns the file with a hash: the SHA-256, the ten digits of it that
// programs show, or the old one of eight digits. Those that are called as the model is
// are tried first.
func findByHash(c *cli.Context, name, hash string, called, files []string) (string, error) {
	m := newMeter(c)
	defer m.end()
	try := func(path string) (bool, error) {
		if len(hash) == 8 {
			h, err := merge.LegacyHash(path)
			return h == hash, err
		}
		f, err := open.File(path)
		if err != nil {
			return false, nil
		}
		defer f.Close()
		h, err := merge.HashKnown(c.Context, f, openCache(c), func(done int64) { m.to("looking for "+name, done, f.Size(), true) })
		return strings.HasPrefix(h.SHA256, hash), err
	}
	for _, path := range slices.Concat(called, files) {
		ok, err := try(path)
		if err := c.Err(); err != nil {
			return "", err
		}
		if ok && err == nil {
			return path, nil
		}
	}
	if len(called) > 0 {
		return "", usage("%s: %s is called %s, but has not the hash %s that the recipe tells: if it is meant all the same, say --source %[3]s=%[2]s", c.Command.Name, called[0], name, hash)
	}
	return "", nil
}
