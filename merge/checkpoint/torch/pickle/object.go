package pickle

// What Python would look up, call or change is only noted here.

func (m *machine) global() error {
	module, err := m.tape.line(maxName)
	if err != nil {
		return err
	}
	name, err := m.tape.line(maxName)
	if err != nil {
		return err
	}
	return m.lookUp(module, name)
}

func (m *machine) stackGlobal() error {
	names, err := m.popN(2)
	if err != nil {
		return err
	}
	module, ok1 := names[0].(string)
	name, ok2 := names[1].(string)
	if !ok1 || !ok2 {
		return fault("it looks up what is no name")
	}
	if len(module) > maxName || len(name) > maxName {
		return fault("a name of more than 1024 bytes")
	}
	return m.lookUp(module, name)
}

func (m *machine) lookUp(module, name string) error {
	key := Global{module, name}
	g := m.globals[key]
	if g == nil {
		g = &key
		m.globals[key] = g
		m.result.Globals = append(m.result.Globals, g)
		return m.make(g)
	}
	return m.push(g)
}

// call notes a call, or that an object is made.
func (m *machine) call() error {
	both, err := m.popN(2)
	if err != nil {
		return err
	}
	args, ok := both[1].(*Tuple)
	if !ok {
		return fault("it makes a call without a tuple of arguments")
	}
	return m.make(&Call{Func: both[0], Args: args})
}

// build notes that the state of an object is set.
func (m *machine) build() error {
	if _, err := m.pop(); err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *Call:
		v.Built = true
	case *Dict: // such as attributes of a dictionary
	default:
		return fault("it sets the state of what has none")
	}
	return nil
}

func (m *machine) persistent() error {
	id, err := m.pop()
	if err != nil {
		return err
	}
	p := &Persistent{id}
	m.result.Persistents = append(m.result.Persistents, p)
	return m.make(p)
}
